//! Energy and carbon: against figures made by hand.

use plimsoll_model::GramsPerKwh;
use serde_json::{Value, json};

use crate::common::{at, batch, fine, flags, inputs, kinds, minutes, offer, on, usd};
use plimsoll_verify::{Kind, evaluate};

#[test]
fn carbon_is_energy_times_intensity_times_price() {
    let estate = json!({
        "offers": [offer("o", json!({ "watts": 5000, "pue": 1.2 }))],
        "carbonIntensity": [{ "region": "*", "gramsPerKwh": 900 }, { "region": "aws/us-east-1", "gramsPerKwh": 400 },
            { "region": "us-east-1", "gramsPerKwh": 800 }]
    });
    let inputs = inputs(estate, &[("w", batch(json!({ "replicas": 2 })))]);
    let mut flags = flags();
    flags.carbon_price = usd(100.0);
    let placed = &fine(&inputs, &flags, &[on(0, "o", 0)]).placements[0];
    // 2 × 5 kW × 1.2 × 6 h = 72 kWh, 28.8 kg, $2.88.
    assert_eq!((placed.energy_kwh, placed.carbon_kg, placed.usd.carbon), (Some(72.0), Some(28.8), usd(2.88)));
}

#[test]
fn a_site_has_its_own_zone_or_figure_and_its_nears_grid_else() {
    let site = |carbon: Value| {
        json!({ "name": "lab", "near": "aws/us-east-1", "country": "DE", "carbon": carbon, "nodes": [
            { "name": "a", "accelerator": "H100", "accelerators": 8, "hourly": 1, "watts": 1000 }] })
    };
    let rows = json!([{ "zone": "DE", "gramsPerKwh": 300 }, { "region": "lab", "gramsPerKwh": 200 },
        { "zone": "DE", "gramsPerKwh": 350 }]);
    let near = json!([{ "region": "aws", "gramsPerKwh": 500 }, { "region": "DE", "gramsPerKwh": 100 }]);
    for (carbon, rows, grams) in [
        (json!({ "gramsPerKwh": 50 }), &rows, Some(50.0)),
        (json!({ "zone": "DE" }), &rows, Some(350.0)),
        (json!({ "zone": "FR" }), &rows, None),
        (Value::Null, &rows, Some(200.0)),
        (Value::Null, &near, Some(500.0)),
    ] {
        let inputs = inputs(
            json!({ "sites": [site(carbon.clone())], "carbonIntensity": rows }),
            &[("w", batch(json!({})))],
        );
        let kg = evaluate(&inputs, &flags(), &[on(0, "lab/a/on-prem", 0)]).carbon_kg;
        assert_eq!(kg, grams.map(|grams| grams * 6.0 / 1000.0), "{carbon}");
    }
}

#[test]
fn a_series_is_weighted_over_the_runs() {
    let estate = json!({
        "offers": [offer("o", json!({ "watts": 10000 }))],
        "carbonIntensity": [{ "region": "aws", "series": "grid.csv" }]
    });
    let work = batch(json!({ "duration": "2h", "pausable": true, "deadline": "24h", "slots": "30m" }));
    let mut inputs = inputs(estate, &[("w", work)]);
    let hourly =
        |hour: u32, grams| (at(&format!("2026-11-25T{hour:02}:00:00Z")), GramsPerKwh::from_units(grams));
    inputs.series.insert("grid.csv".into(), vec![hourly(7, 600), hourly(8, 200), hourly(9, 800)]);
    // 10 kW: 06:00–08:00 is all at 600; 07:30–09:30 has 0.5 h at 600, 1 h at 200, 0.5 h at 800.
    for (start, kg) in [(0, 12.0), (90, 9.0), (600, 16.0)] {
        assert_eq!(fine(&inputs, &flags(), &[on(0, "o", start)]).carbon_kg, Some(kg), "{start}");
    }
    // In pieces: 07:30–09:00 and 10:00–10:30.
    let mut paused = on(0, "o", 90);
    paused.runs = vec![(minutes(90), minutes(180)), (minutes(240), minutes(270))];
    let placed = &fine(&inputs, &flags(), &[paused]).placements[0];
    assert_eq!((placed.carbon_kg, placed.energy_kwh, placed.usd.compute), (Some(9.0), Some(20.0), usd(20.0)));
}

#[test]
fn what_nothing_needs_may_be_unknown() {
    let estate = |more: Value| {
        let mut estate = json!({ "offers": [offer("o", json!({}))] });
        estate.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        estate
    };
    let team = batch(json!({ "team": "ml" }));
    let without = inputs(estate(json!({})), &[("w", team.clone())]);
    let evaluation = fine(&without, &flags(), &[on(0, "o", 0)]);
    assert_eq!((evaluation.energy_kwh, evaluation.carbon_kg), (None, None));
    let budgeted = inputs(estate(json!({ "carbonBudgets": [{ "team": "ml", "kg": 5 }] })), &[("w", team)]);
    assert_eq!(kinds(&budgeted, &flags(), &[on(0, "o", 0)]), [Kind::Document]);
    // Energy may be known where carbon is not.
    let watts =
        inputs(json!({ "offers": [offer("o", json!({ "watts": 100 }))] }), &[("w", batch(json!({})))]);
    let evaluation = fine(&watts, &flags(), &[on(0, "o", 0)]);
    assert_eq!((evaluation.energy_kwh, evaluation.carbon_kg), (Some(0.6), None));
}

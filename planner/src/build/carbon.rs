//! Carbon intensity over time, looked up where a price, a budget or the plan asks for it.

use plimsoll_solver::problem::Series;

use super::Build;
use crate::world::{Assumptions, Intensity, LocationIx};

impl Build<'_> {
    /// The carbon intensity of a location, if it was looked up.
    pub fn intensity(&self, location: LocationIx) -> Option<&Intensity> {
        self.series_at.get(&location).copied().flatten().map(|s| &self.intensities[s as usize])
    }

    /// Looks up the carbon intensity of the offers chosen, which a plan reports even when it has no price.
    pub fn look_up_carbon(&mut self, chosen: &[u32]) {
        for offer in chosen {
            let location = self.world.offer(self.offers[*offer as usize]).location;
            self.series(location);
        }
    }

    /// The problem's series of a location's carbon intensity.
    pub(super) fn series(&mut self, location: LocationIx) -> Option<u32> {
        if let Some(known) = self.series_at.get(&location) {
            return *known;
        }
        let intensity = self.world.intensity(location, self.until, &mut Assumptions::ignored());
        let ix = intensity.map(|intensity| {
            self.problem.series.push(series_of(&intensity));
            for (outlook, list) in self.outlooks.iter().zip(&mut self.series_in) {
                list.push(series_of(&outlook.intensity(self.world, location, &intensity)));
            }
            self.intensities.push(intensity);
            self.problem.series.len() as u32 - 1
        });
        self.series_at.insert(location, ix);
        ix
    }
}

fn series_of(intensity: &Intensity) -> Series {
    let times = intensity.0.iter().map(|s| s.0.nanos()).collect();
    let values = intensity.0.iter().map(|s| s.1.to_f64() / 1000.0).collect();
    Series::new(times, values)
}

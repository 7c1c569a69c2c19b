//! What users write, and what they are told.

use super::*;

fn parse(text: &str) -> Result<CatalogFile, FileErrors> {
    CatalogFile::parse("mine.csv", text.as_bytes())
}

fn complaints(text: &str) -> String {
    parse(text).expect_err("the file is wrong").to_string()
}

#[test]
fn a_full_row_is_read_exactly() {
    let file = parse(
        "name,cloud,region,zone,instanceType,accelerator,acceleratorKind,accelerators,acceleratorMemory,cpu,memory,arch,capacity,hourly,\
         count,watts,pue,interruptionsPerHour,source,asOf\n\
         big,acme,berlin,b1,hgx,H100,gpu,8,80Gi,192,2Ti,arm64,reserved,12.345678901,4,10200.5,1.2,0,\"invoice, May\",2026-05-31\n",
    )
    .expect("it is right");
    assert_eq!(
        file.offers,
        [FileOffer {
            line: 2,
            name: Some("big".into()),
            cloud: "acme".into(),
            region: "berlin".into(),
            zone: Some("b1".into()),
            instance_type: "hgx".into(),
            accelerator: Some("H100".into()),
            accelerator_kind: Some(Kind::Gpu),
            accelerators_milli: Some(8000),
            accelerator_memory_bytes: Some(80 << 30),
            cpu_milli: Some(192_000),
            memory_bytes: Some(2 << 40),
            arch: Some(Arch::Arm64),
            capacity: Capacity::Reserved,
            hourly_nano_usd: 12_345_678_901,
            count: Some(4),
            watts: Some(10_200.5),
            pue: Some(1.2),
            interruptions_per_hour: Some(0.0),
            source: Some("invoice, May".into()),
            as_of: Some("2026-05-31".into()),
        }]
    );
}

#[test]
fn columns_come_in_any_order_and_most_may_be_missing() {
    let file = parse("\u{feff}# ours\n\nhourly,capacity,cpu,instanceType,region,cloud\r\n# a comment\r\n0.5,Spot,500m,s,r,c\r\n\r\n0,on-prem,,s,r,c")
        .expect("it is right");
    let seen: Vec<_> =
        file.offers.iter().map(|offer| (offer.line, offer.cpu_milli, offer.hourly_nano_usd)).collect();
    assert_eq!(seen, [(5, Some(500), 500_000_000), (7, None, 0)]);
    assert_eq!(file.offers[0].capacity, Capacity::Spot);
}

#[test]
fn a_wrong_price_is_named_with_its_line_and_column() {
    let head = "cloud,region,instanceType,capacity,hourly\n";
    for (price, says) in [
        ("", "it is empty; every offer needs it"),
        ("-1", "\"-1\" is negative; write US dollars an hour, such as 1.25"),
        ("NaN", "\"NaN\" is not a number; write US dollars an hour, such as 1.25"),
        ("inf", "\"inf\" is not a number; write US dollars an hour, such as 1.25"),
        ("$3", "\"$3\" is not a number; write US dollars an hour, such as 1.25"),
        ("1e40", "\"1e40\" is too large; write US dollars an hour, such as 1.25"),
    ] {
        let text = format!("{head}a,b,c,spot,1\na,b,c,spot,{price}\n");
        assert_eq!(complaints(&text), format!("mine.csv, line 3, column hourly: {says}"));
    }
}

#[test]
fn every_mistake_is_told() {
    let told = complaints(
        "cloud,region,instanceType,capacity,hourly,cpu,memory,pue,count,asOf,acceleratorKind,watts\n\
         ,b,c,spott,1,x,80GB,0.9,-1,2026-02-29,gpus,-5\n\
         a,b,c,spot\n",
    );
    assert_eq!(
        told,
        "mine.csv, line 2, column cloud: it is empty; every offer needs it\n\
         mine.csv, line 2, column acceleratorKind: \"gpus\" is not a kind of accelerator; write one of gpu, tpu, npu, fpga\n\
         mine.csv, line 2, column cpu: \"x\" is not a number; write a quantity such as 8 or 500m\n\
         mine.csv, line 2, column memory: \"80GB\" is not a number; write a quantity of bytes such as 64Gi\n\
         mine.csv, line 2, column capacity: \"spott\" is not a capacity class; write one of spot, on-demand, reserved, on-prem\n\
         mine.csv, line 2, column count: \"-1\" is negative; write a whole number from 0\n\
         mine.csv, line 2, column watts: \"-5\" is below 0; write a number from 0\n\
         mine.csv, line 2, column pue: \"0.9\" is below 1; write a number from 1\n\
         mine.csv, line 2, column asOf: \"2026-02-29\" is not a day; write it as 2026-01-31\n\
         mine.csv, line 3: the row has 4 fields where the header has 12; quote a field that holds a comma"
    );
}

#[test]
fn unknown_columns_meet_their_nearest_name() {
    for (column, nearest) in [
        ("instance_type", "instanceType"),
        ("Hourly", "hourly"),
        ("price", "hourly"),
        ("vcpus", "cpu"),
        ("regoin", "region"),
    ] {
        let told = complaints(&format!("cloud,{column}\n"));
        assert_eq!(told, format!("mine.csv, line 1: there is no column {column:?}; did you mean {nearest}?"));
    }
    assert!(complaints("cloud,favourite colour\n").contains("the columns are name, cloud, region"));
    assert!(complaints("cloud,cloud\n").contains("column cloud: it is there twice"));
    assert!(complaints("cloud,region\n").contains("the column instanceType is missing"));
}

#[test]
fn no_bytes_panic() {
    let good = b"cloud,region,instanceType,capacity,hourly,cpu\na,b,c,spot,1,2\n\"q\",b,c,spot,1.5,500m\n";
    for at in 0..good.len() {
        for byte in [0, b'"', b',', b'\n', b'\r', b'#', b'9', b'e', b'-', 0x80, 0xff] {
            let mut bad = good.to_vec();
            bad[at] = byte;
            // Whatever it makes of it; in the error case the text must be printable too.
            if let Err(errors) = CatalogFile::parse("f", &bad) {
                assert!(!errors.to_string().is_empty());
            }
            drop(CatalogFile::parse("f", &bad[..at]));
        }
    }
    assert!(complaints("").contains("no header"));
    assert!(complaints("# only a comment").contains("no header"));
}

proptest::proptest! {
    /// Whatever the bytes, there is an answer: offers, or at least one error that can be printed.
    #[test]
    fn any_bytes_have_an_answer(body: Vec<u8>, with_header: bool) {
        let mut bytes = if with_header { b"cloud,region,instanceType,capacity,hourly,cpu,asOf\n".to_vec() } else { Vec::new() };
        bytes.extend(body);
        if let Err(errors) = CatalogFile::parse("f", &bytes) {
            proptest::prop_assert!(!errors.errors.is_empty() && !errors.to_string().is_empty());
        }
    }

    /// A price of at most nine decimals comes back as written.
    #[test]
    fn prices_are_exact(dollars in 0_u32..1_000_000, billionths in 0_u32..1_000_000_000) {
        let text = format!("cloud,region,instanceType,capacity,hourly\na,b,c,spot,{dollars}.{billionths:09}\n");
        let file = parse(&text).expect("it is right");
        let expected = i64::from(dollars) * 1_000_000_000 + i64::from(billionths);
        proptest::prop_assert_eq!(file.offers[0].hourly_nano_usd, expected);
    }

    /// Any cells of likely letters: errors name the line of the row, which blank lines and comments do not shift.
    #[test]
    fn errors_name_the_line(before in "(#[a-z,\"]{0,8}\n|\n|\r\n){0,5}", price in "[0-9eE.+-]{0,6}") {
        let text = format!("{before}cloud,region,instanceType,capacity,hourly\n{before}a,b,c,spot,{price}\n");
        let line = before.matches('\n').count() as u64 * 2 + 2;
        match parse(&text) {
            Ok(file) => proptest::prop_assert_eq!(file.offers[0].line, line),
            Err(errors) => proptest::prop_assert_eq!(errors.errors[0].line, line, "{}", errors),
        }
    }
}

#[test]
fn a_file_of_another_kind_does_not_flood() {
    let mut text = String::from("cloud,region,instanceType,capacity,hourly\n");
    text.push_str(&"x\n".repeat(1000));
    let errors = parse(&text).expect_err("every row is ragged");
    assert_eq!((errors.errors.len(), errors.more), (20, 980));
    assert!(errors.to_string().ends_with("and 980 more"));
}

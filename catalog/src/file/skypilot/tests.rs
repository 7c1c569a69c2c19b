//! Small tables in SkyPilot's columns, and the offers they hold.

use super::*;

const HEADER: &str = "InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,AvailabilityZone,Price,SpotPrice,Arch\n";

fn read(cloud: &str, rows: &str) -> SkyPilotFile {
    let text = format!("{HEADER}{rows}");
    assert!(SkyPilotFile::is_one(text.as_bytes()));
    SkyPilotFile::parse("vms.csv", cloud, text.as_bytes()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// `zone type cards×card $price class` of each offer.
fn shown(file: &SkyPilotFile) -> Vec<String> {
    let one = |offer: &FileOffer| {
        let cards = offer.accelerators_milli.map_or(0, |milli| milli / 1000);
        format!(
            "{} {} {cards}x{} ${} {}",
            offer.zone.as_deref().unwrap_or("-"),
            offer.instance_type,
            offer.accelerator.as_deref().unwrap_or("none"),
            offer.hourly_nano_usd / 1_000_000,
            offer.capacity.name(),
        )
    };
    file.offers.iter().map(one).collect()
}

#[test]
fn zones_that_agree_are_one_offer() {
    let file = read(
        "aws",
        "g5.xlarge,4.0,16.0,A10G,1.0,\"{'Gpus': [{'Name': 'A10G', 'MemoryInfo': {'SizeInMiB': 22888}}]}\",us-east-1,us-east-1a,1.006,0.41,x86_64\n\
         g5.xlarge,4.0,16.0,A10G,1.0,,us-east-1,us-east-1b,1.006,0.39,x86_64\n\
         m6i.large,2.0,8.0,,,,us-east-1,us-east-1a,0.096,,x86_64\n",
    );
    assert_eq!(
        shown(&file),
        [
            "- g5.xlarge 1xA10G $1006 on-demand",
            "us-east-1a g5.xlarge 1xA10G $410 spot",
            "us-east-1b g5.xlarge 1xA10G $390 spot",
            "- m6i.large 0xnone $96 on-demand",
        ]
    );
    assert_eq!(file.offers[0].accelerator_memory_bytes, Some(22888 << 20));
    assert_eq!(file.offers[1].name.as_deref(), Some("aws/us-east-1/us-east-1a/g5.xlarge/spot"));
    assert_eq!((file.offers[3].cpu_milli, file.offers[3].memory_bytes), (Some(2000), Some(8 << 30)));
    assert_eq!(file.offers[0].arch, Some(Arch::Amd64));
    assert!(file.passed_over.is_empty());
}

#[test]
fn what_is_no_offer_is_counted() {
    let file = read(
        "azure",
        "Standard_NV6,6.0,55.0,A10,0.1666,,eastus,,0.45,,\n\
         Standard_D2,2.0,7.0,nan,nan,nan,eastus,,0.1,,\n\
         Standard_D2,2.0,7.0,,,,eastus,,0.1,,\n\
         Standard_D3,2.0,7.0,,,,eastus,,0,,\n\
         Standard_D4,2.0,7.0,,,,eastus,,,,\n\
         ,2.0,7.0,V100,1,,eastus,,2,,\n",
    );
    assert_eq!(shown(&file), ["- Standard_NV6 0xA10 $450 on-demand", "- Standard_D2 0xnone $100 on-demand"]);
    // The sixth part of a card, in thousandths.
    assert_eq!(file.offers[0].accelerators_milli, Some(167));
    let counted: Vec<_> = file.passed_over.into_iter().collect();
    assert_eq!(counted, [("come twice", 1), ("have a price of 0", 1), ("name no machine type", 1)]);
}

#[test]
fn googles_cards_are_joined_with_their_hosts_in_the_same_zone() {
    let file = read(
        "gcp",
        ",,,A100,8.0,,us-central1,us-central1-a,23.47,9.4,\n\
         ,,,A100,8.0,,us-west1,us-west1-b,20,8,\n\
         ,,,T4,1.0,,us-central1,us-central1-a,0.35,0.14,\n\
         ,,,tpu-v3-8,1.0,,europe-west4,europe-west4-a,8.8,2.64,\n\
         a2-highgpu-8g,96.0,680.0,,,,us-central1,us-central1-a,5.91,2.36,\n\
         n1-highmem-8,8.0,52.0,,,,us-central1,us-central1-a,0.4736,0.1,\n\
         n1-highmem-4,4.0,26.0,,,,us-central1,us-central1-a,0.2368,0.05,\n\
         n1-highcpu-4,4.0,3.6,,,,us-central1,us-central1-a,0.1418,0.03,\n",
    );
    assert_eq!(
        shown(&file),
        [
            "- a2-highgpu-8g 8xA100 $29380 on-demand",
            "- a2-highgpu-8g 8xA100 $11760 spot",
            "- n1-highmem-4+1xT4 1xT4 $586 on-demand",
            "- n1-highmem-4+1xT4 1xT4 $190 spot",
            "- tpu-v3-8 1xtpu-v3-8 $8800 on-demand",
            "- tpu-v3-8 1xtpu-v3-8 $2640 spot",
            "- n1-highmem-8 0xnone $473 on-demand",
            "- n1-highmem-8 0xnone $100 spot",
            "- n1-highmem-4 0xnone $236 on-demand",
            "- n1-highmem-4 0xnone $50 spot",
            "- n1-highcpu-4 0xnone $141 on-demand",
            "- n1-highcpu-4 0xnone $30 spot",
        ]
    );
    assert_eq!(file.passed_over, BTreeMap::from([("are cards without a host in their zone", 1)]));
    assert_eq!(file.offers[0].memory_bytes, Some(680 << 30));
}

#[test]
fn wrong_cells_are_named() {
    let wrong = |text: &str| SkyPilotFile::parse("vms.csv", "aws", text.as_bytes()).unwrap_err().to_string();
    let cells = wrong(&format!("{HEADER}a,two,8,,,,us-east-1,,cheap,-1,\nb,1\nc,1,1,,,,,,1,1,\n"));
    assert_eq!(
        cells,
        "vms.csv, line 2, column vCPUs: \"two\" is not a number; write a number\n\
         vms.csv, line 2, column Price: \"cheap\" is not a number; write US dollars an hour, such as 1.25\n\
         vms.csv, line 2, column SpotPrice: \"-1\" is negative; write US dollars an hour, such as 1.25\n\
         vms.csv, line 3: the row has 2 fields where the header has 11\n\
         vms.csv, line 4, column Region: it is empty; every offer needs it"
    );
    let header = wrong("InstanceType,Region\n");
    assert_eq!(header, "vms.csv, line 1: the column Price is missing; SkyPilot's catalogues have it");
}

#[test]
fn our_own_tables_are_not_taken_for_skypilots() {
    assert!(!SkyPilotFile::is_one(b"cloud,region,instanceType,capacity,hourly\n"));
    assert!(!SkyPilotFile::is_one(b""));
    assert!(SkyPilotFile::is_one(b"\xef\xbb\xbfInstanceType,Region,Price\r\n"));
}

//! Small files, good and bad, and the trace itself where it is at hand.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::*;

const PODS: &str = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
a,12000,16384,1,1000,,LS,Running,0,12537496,0
b,6000,12288,1,460,V100M16|V100M32|V100M32,BE,Failed,427061,12902960,
c,4000,0,0,0,,Burstable,Running,5,9,7
";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn pods_of(text: &str) -> Result<Vec<Pod>, String> {
    pods("p.csv", text.as_bytes(), Tolerance::Strict)
        .map(|listing| listing.rows)
        .map_err(|error| error.to_string())
}

fn short(rows: &str) -> String {
    format!("name,cpu_milli,memory_mib,num_gpu,gpu_milli\n{rows}")
}

#[test]
fn a_list_of_pods_reads_the_same_plain_and_compressed() {
    let plain = pods("p.csv", PODS.as_bytes(), Tolerance::Strict).unwrap();
    assert_eq!(plain, pods("p.csv.gz", &gzip(PODS), Tolerance::Strict).unwrap());
    assert!(plain.dropped.is_empty());
    let [a, b, c] = plain.rows.as_slice() else { panic!("three rows") };
    assert_eq!((a.gpus, a.gpu_milli, a.gpu_milli_total(), a.cpu_milli), (1, 1000, 1000, 12000));
    assert_eq!(a.times, Some(Times { created: 0, deleted: 12_537_496, scheduled: Some(0) }));
    assert_eq!(b.models, ["V100M16", "V100M32", "V100M32"]);
    assert_eq!(b.times.unwrap().scheduled, None);
    assert_eq!((c.gpus, c.gpu_milli_total()), (0, 0));
}

#[test]
fn the_lists_of_five_columns_have_no_times_and_take_any_model() {
    let rows = pods_of(&short("x,1000,1,8,1000\n")).unwrap();
    assert_eq!((rows[0].gpu_milli_total(), rows[0].times, rows[0].models.len()), (8000, None, 0));
}

#[test]
fn nodes_have_a_model_exactly_when_they_have_gpus() {
    let head = "sn,cpu_milli,memory_mib,gpu,model\n";
    let read = |rows: &str| {
        nodes("n.csv", format!("{head}{rows}").as_bytes(), Tolerance::Strict)
            .map(|listing| listing.rows)
            .map_err(|error| error.to_string())
    };
    let rows = read("n0,32000,262144,0,\nn1,96000,786432,8,G2\n").unwrap();
    assert_eq!((rows[0].model.as_deref(), rows[1].model.as_deref(), rows[1].gpus), (None, Some("G2"), 8));
    assert_eq!(read("n0,1,1,0,T4\n").unwrap_err(), "n.csv, row 2: has no GPU, but of model `T4`");
    assert_eq!(
        read("n0,1,1,2,\n").unwrap_err(),
        "n.csv, row 2: model is ``: the model of the GPUs is expected"
    );
}

#[test]
fn what_is_wrong_is_said_with_file_row_and_column() {
    let cases = [
        ("a,-5,1,0,0\n", "p.csv, row 2: cpu_milli is `-5`: a whole number from 0 to 1000000000 is expected"),
        (
            "a,1,1,0,0\na,1,1,0,0\n",
            "p.csv, row 3: the name `a` was given in row 2 already; names must differ",
        ),
        (",1,1,0,0\n", "p.csv, row 2: name is ``: a name is expected"),
        ("a,1,1,0\n", "p.csv, row 2: has 4 cells where 5 are expected"),
        ("a,1,1,0,500\n", "p.csv, row 2: asks for no GPU, but for 500/1000 of each"),
        ("a,1,1,2,0\n", "p.csv, row 2: asks for 2 GPUs, but for 0/1000 of each"),
        ("a,1,1,2,500\n", "p.csv, row 2: asks for 500/1000 of each of 2 GPUs; a share is of one GPU"),
        ("a,1,1,1,1001\n", "p.csv, row 2: gpu_milli is `1001`: a whole number from 0 to 1000 is expected"),
        (
            "a,1,1,99999999999999999999,1000\n",
            "p.csv, row 2: num_gpu is `99999999999999999999`: a whole number from 0 to 1024 is expected",
        ),
    ];
    for (rows, message) in cases {
        assert_eq!(pods_of(&short(rows)).unwrap_err(), message);
    }
    assert_eq!(
        pods_of(&PODS.replace("5,9,7", "5,4,7")).unwrap_err(),
        "p.csv, row 4: times run backwards: created at 5, scheduled at 7, deleted at 4"
    );
    assert!(pods_of("").unwrap_err().starts_with("p.csv: is empty: the columns name,cpu_milli"));
    let other = pods_of("job,cpu\n1,2\n").unwrap_err();
    assert!(other.starts_with("p.csv, row 1: has the columns job,cpu; name,cpu_milli"), "{other}");
}

#[test]
fn damaged_files_are_named() {
    let whole = gzip(PODS);
    let cut = pods("p.csv.gz", &whole[..whole.len() - 12], Tolerance::Count).unwrap_err();
    assert_eq!(
        cut.to_string(),
        "p.csv.gz: the gzip data is cut off or damaged (it ends early); fetch the file again"
    );
    let mut latin = short("a").into_bytes();
    latin.extend(b"\xe4,1,1,0,0\n");
    let error = pods("p.csv", &latin, Tolerance::Strict).unwrap_err();
    assert_eq!(error.to_string(), "p.csv, row 2: is not UTF-8; convert the file");
    let absent = read_pods(Path::new("/no/such/file"), Tolerance::Strict).unwrap_err();
    assert!(matches!(absent.fault, Fault::Io(_)), "{absent}");
}

#[test]
fn tolerance_counts_what_it_leaves_out() {
    let text = short("a,1,1,0,0\nb,-1,1,0,0\nc,1,1,0\nd,-2,1,0,0\na,1,1,0,0\ne,1,1,1,1000\n");
    let listing = pods("p.csv", text.as_bytes(), Tolerance::Count).unwrap();
    assert_eq!(listing.rows.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>(), ["a", "e"]);
    let dropped: Vec<_> = listing
        .dropped
        .iter()
        .map(|dropped| (dropped.reason.as_str(), dropped.rows, dropped.first.row))
        .collect();
    assert_eq!(
        dropped,
        [
            ("a name given twice", 1, Some(6)),
            ("cpu_milli: a whole number from 0 to 1000000000 is expected", 2, Some(3)),
            ("not 5 cells", 1, Some(4)),
        ]
    );
}

#[test]
fn the_trace_itself() {
    #[expect(clippy::disallowed_methods, reason = "the traces are where the environment says")]
    let Ok(data) = std::env::var("PLIMSOLL_DATA") else {
        println!("skipped: PLIMSOLL_DATA does not say where the traces are");
        return;
    };
    let folder = Path::new(&data).join("traces/openb");
    let nodes = read_nodes(&folder.join("openb_node_list_gpu_node.csv.gz"), Tolerance::Strict).unwrap();
    assert_eq!((nodes.rows.len(), nodes.rows.iter().map(|node| node.gpus).sum::<u32>()), (1_213, 6_212));
    let all = read_nodes(&folder.join("openb_node_list_all_node.csv.gz"), Tolerance::Strict).unwrap();
    assert_eq!(all.rows.iter().filter(|node| node.gpus == 0).count(), 310);
    for (list, count) in [("default", 8_152), ("multigpu20", 8_324), ("gpuspec33", 8_152), ("cpu200", 8_832)]
    {
        let pods =
            read_pods(&folder.join(format!("openb_pod_list_{list}.csv.gz")), Tolerance::Strict).unwrap();
        assert_eq!(pods.rows.len(), count, "{list}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = pods("p", &bytes, Tolerance::Count);
        let _ = nodes("n", &bytes, Tolerance::Strict);
    }

    #[test]
    fn no_row_makes_it_panic(row in "[-0-9a-z,|\"\n .]{0,80}", cut in 0usize..200) {
        let text = short(&row);
        let _ = pods("p", text.as_bytes(), Tolerance::Count);
        let whole = gzip(&text);
        let _ = pods("p", &whole[..cut.min(whole.len())], Tolerance::Strict);
    }
}

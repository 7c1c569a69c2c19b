use super::*;

fn read(text: &str, format: JobFormat, tolerance: Tolerance) -> Result<Listing<TracedJob>, String> {
    jobs("j.csv", text.as_bytes(), format, tolerance).map_err(|error| error.to_string())
}

#[test]
fn native_columns_may_come_in_any_order() {
    let text = "submit_s,id,gpus,duration_s,interruptible,deadline_s\n0,a,2,1.5,true,10\n3,b,,2,,\n";
    let rows = read(text, JobFormat::Native, Tolerance::Strict).unwrap().rows;
    assert_eq!((rows[0].name.as_str(), rows[0].gpus, rows[0].duration_us), ("a", 2, Some(1_500_000)));
    assert_eq!((rows[0].interruptible, rows[0].deadline), (Some(true), Some(10_000_000)));
    assert_eq!((rows[1].submit, rows[1].gpus, rows[1].interruptible), (3_000_000, 0, None));
}

#[test]
fn what_is_wrong_names_the_row() {
    let of = |text: &str| read(text, JobFormat::Native, Tolerance::Strict).unwrap_err();
    assert!(of("id,submit_s,duration_s,gpu\n").contains("`gpu` is not known"));
    assert!(of("id,submit_s\n").contains("`duration_s` is missing"));
    assert!(of("id,submit_s,duration_s\na,5,1\nb,4,1\n").contains("row 3: times run backwards"));
    assert!(of("id,submit_s,duration_s\na,-5,1\n").contains("row 2: submit_s is `-5`"));
    assert!(of("id,submit_s,duration_s\na,nan,1\n").contains("row 2"));
    assert!(of("id,submit_s,duration_s\na,1,1\na,2,1\n").contains("given in row 2 already"));
    assert!(of("id,submit_s,duration_s,deadline_s\na,5,1,4\n").contains("due before it comes"));
    assert!(of("").contains("is empty"));
    let text = "id,submit_s,duration_s\na,5,1\nb,4,1\nc,6,x\nd,7,1\n";
    let listing = read(text, JobFormat::Native, Tolerance::Count).unwrap();
    assert_eq!(listing.rows.len(), 2);
    assert_eq!(listing.dropped.iter().map(|dropped| dropped.rows).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn the_other_formats_are_read() {
    let tiresias =
        "job_id,num_gpu,submit_time,iterations,model_name,duration,interval\n0,1,0,606,vgg19,164,30\n";
    let rows = read(tiresias, JobFormat::Tiresias, Tolerance::Strict).unwrap().rows;
    assert_eq!((rows[0].gpus, rows[0].duration_us), (1, Some(164_000_000)));
    let philly =
        read("submit_s,duration_s,num_gpus,vc\n7,9,8,ed69ec\n", JobFormat::Philly, Tolerance::Strict);
    assert_eq!(philly.unwrap().rows[0].partition.as_deref(), Some("ed69ec"));
    let pai =
        read("arrival_h,length_h,cpus\n0.5,2,4\n1,2,4\n", JobFormat::Pai, Tolerance::Strict).unwrap().rows;
    assert_eq!((pai[0].submit, pai[0].cpu_milli, pai[1].name.as_str()), (1_800_000_000, 4_000, "job-1"));
}

#[test]
fn what_is_written_reads_the_same() {
    let text = "id,submit_s,duration_s,gpus,accelerator,cpus,memory_mib,deadline_s,interruptible,team,priority\n\"a,b\",0.5,1.25,0.3,T4,2.5,64,10,true,x,-1\nb,10,100,16,,,,,false,,\n";
    let rows = read(text, JobFormat::Native, Tolerance::Strict).unwrap().rows;
    assert_eq!(native_csv(&rows), text);
}

#[test]
fn pods_are_jobs_for_as_long_as_they_ran() {
    let text = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\na,1000,1,1,460,T4,LS,Running,5,30,10\nb,1000,1,0,0,,LS,Failed,1,30,\nc,1000,1,2,1000,,LS,Running,2,4,2\n";
    let pods = openb::pods("p.csv", text.as_bytes(), Tolerance::Strict).unwrap().rows;
    let (rows, never) = of_openb(pods).unwrap();
    assert_eq!(never, 1);
    assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["c", "a"]);
    assert_eq!((rows[1].duration_us, rows[1].gpu_milli), (Some(20_000_000), 460));
}

#[test]
fn gavel_s_lists_have_steps() {
    let read = |text: &str| jobs("g.csv", text.as_bytes(), JobFormat::Gavel, Tolerance::Strict);
    let physical =
        "job_type,scale_factor,total_steps,priority,slo,arrival_s\nLM (batch size 5),4,900,5.0,-1.0,1.5\n";
    let job = &read(physical).unwrap().rows[0];
    assert_eq!((job.gpus, job.priority, job.submit, job.is_in_gaps), (4, Some(5), 1_500_000, false));
    let steps = job.steps.as_ref().unwrap();
    assert_eq!((steps.job_type.as_str(), steps.count, job.duration_us), ("LM (batch size 5)", 900, None));
    let short = read("job_type,scale_factor,total_steps,arrival_s\na,1,7,2\n").unwrap();
    assert_eq!((short.rows[0].priority, short.rows[0].submit), (None, 2_000_000));
    let gaps = "job,job_type,scale_factor,duration_v100_s,total_steps,priority,arrival_unit\n0,a,2,5.5,70,1.0,0.25\n";
    let job = &read(gaps).unwrap().rows[0];
    assert_eq!((job.gpus, job.submit, job.is_in_gaps), (2, 250_000, true));
    assert_eq!(job.steps.as_ref().unwrap().count, 70);
    assert!(read(&physical.replace("5.0", "0.5")).unwrap_err().to_string().contains("priority is `0.5`"));
    assert!(read("job_type,steps\n").unwrap_err().to_string().contains("total_steps"));
}

#[test]
fn lists_in_steps_say_what_they_lack() {
    let shockwave = "job_type,scale_factor,total_steps,mode,priority,slo,duration_s,arrival_s\nLM,2,30,gns,1.0,-1.0,7.5,2\n";
    let job = &read(shockwave, JobFormat::Gavel, Tolerance::Strict).unwrap().rows[0];
    assert_eq!((job.gpus, job.submit, job.duration_us), (2, 2_000_000, Some(7_500_000)));
    let text = "job,job_type,scale_factor,duration_v100_s,total_steps,priority,arrival_unit\n7,LM,2,10.5,300,5.0,0.25\n";
    let job = &read(text, JobFormat::Gavel, Tolerance::Strict).unwrap().rows[0];
    assert_eq!((job.name.as_str(), job.duration_us, job.priority), ("job-7", Some(10_500_000), Some(5)));
    let of = |text: &str| read(text, JobFormat::Gavel, Tolerance::Strict).unwrap_err();
    assert!(of("job_type,scale_factor,arrival_s\n").contains("`total_steps` is missing"));
    assert!(of("job_type,scale_factor,total_steps\n").contains("no time of arrival"));
    assert!(of("job_type,scale_factor,total_steps,arrival_s,arrival_unit\n").contains("cannot both hold"));
    assert!(of("job_type,scale_factor,total_steps,arrival_s,gpu\n").contains("`gpu` is not known"));
    assert!(of("job_type,scale_factor,total_steps,arrival_s\nLM,0,1,0\n").contains("row 2: scale_factor"));
    assert!(of("job_type,scale_factor,total_steps,arrival_s\n,1,1,0\n").contains("row 2: job_type"));
}

"""SkyPilot's own optimizer on the instances of `cargo bench --bench skypilot`.

`peer.py catalog TABLE.csv.gz FOLDER` writes the saved table as SkyPilot's catalogue of three clouds.
`peer.py solve FOLDER SECONDS` reads instances from standard input, one JSON a line, and answers each with
what SkyPilot decides. The optimizer is not changed; which clouds have credentials is answered for it.
"""

import csv
import gzip
import json
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile

CLOUDS = ("aws", "azure", "gcp")
COLUMNS = ("InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,AvailabilityZone,"
           "Price,SpotPrice,Arch").split(",")


def catalog(table, folder):
    rows = {cloud: [] for cloud in CLOUDS}
    with gzip.open(table, "rt") as file:
        for row in csv.DictReader(file):
            if row["cloud"] in rows:
                rows[row["cloud"]].append([
                    row["instance_type"], row["vcpus"], row["mem_gib"], row["accelerator"], row["accel_count"], "",
                    row["region"], row["zone"], row["price"], row["spot_price"], "",
                ])
    for cloud, lines in rows.items():
        os.makedirs(os.path.join(folder, cloud), exist_ok=True)
        with open(os.path.join(folder, cloud, "vms.csv"), "w", newline="") as file:
            writer = csv.writer(file)
            # SkyPilot drops rows with an empty zone where there is such a column, and Azure's have none.
            zone = COLUMNS.index("AvailabilityZone")
            for line in [COLUMNS, *lines]:
                writer.writerow(line[:zone] + line[zone + 1:] if cloud == "azure" else line)


def home_with(folder):
    """A home folder that holds the catalogue, fresh enough not to be fetched again."""
    home = tempfile.mkdtemp()
    tables = os.path.join(home, ".sky", "catalogs", "v8")
    names = {}
    for cloud in CLOUDS:
        os.makedirs(os.path.join(tables, cloud))
        shutil.copyfile(os.path.join(folder, cloud, "vms.csv"), os.path.join(tables, cloud, "vms.csv"))
        with open(os.path.join(folder, cloud, "vms.csv")) as file:
            for row in csv.DictReader(file):
                if row["AcceleratorName"]:
                    names.setdefault(row["AcceleratorName"], set()).add(cloud)
    os.makedirs(os.path.join(tables, "common"))
    with open(os.path.join(tables, "common", "accelerators.csv"), "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["AcceleratorName", "Clouds"])
        writer.writerows([name, str(sorted(clouds))] for name, clouds in sorted(names.items()))
    return home


def dag_of(sky, clouds, instance):
    known = {"aws": clouds.AWS, "azure": clouds.Azure, "gcp": clouds.GCP}
    tasks = []
    with sky.Dag() as dag:
        for one in instance["tasks"]:
            task = sky.Task(name=one["name"])
            task.num_nodes = one["nodes"]
            seconds = one["seconds"]
            task.set_time_estimator(lambda _, seconds=seconds: seconds)
            task.set_outputs("CLOUD", one["gigabytes"])
            wanted = set()
            for request in one["requests"]:
                cards = {request["accelerator"]: request["count"]}
                # On Google's cloud the host is SkyPilot's choice.
                kind = None if request["cloud"] == "gcp" else request["machines"][0]
                cards = cards if kind is None else None
                wanted.add(sky.Resources(cloud=known[request["cloud"]](), instance_type=kind, accelerators=cards))
            task.set_resources(wanted)
            for parent in one["parents"]:
                tasks[parent] >> task  # pylint: disable=pointless-statement
            tasks.append(task)
    return dag, tasks


def decide(instance):
    """Runs in a process of its own, so that its time and memory are those of one instance."""
    import sky
    from sky import clouds
    from sky.optimizer import Optimizer

    dag, tasks = dag_of(sky, clouds, instance)
    before = sum(os.times()[:4])
    Optimizer.optimize(dag, quiet=True)
    seconds = sum(os.times()[:4]) - before
    picks, cost = [], 0.0
    for one, task in zip(instance["tasks"], tasks):
        best = task.best_resources
        cost += task.num_nodes * best.get_cost(one["seconds"])
        for parent in one["parents"]:
            gigabytes = instance["tasks"][parent]["gigabytes"]
            cost += Optimizer._egress_cost(tasks[parent].best_resources.cloud, best.cloud, gigabytes)
        kind = best.instance_type
        for name, count in (best.accelerators or {}).items():
            if kind.startswith("n1-"):
                kind = f"{kind}+{int(count)}x{name}"
        picks.append({"cloud": str(best.cloud).lower(), "region": best.region, "instanceType": kind})
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"usd": cost, "picks": picks, "cpuSeconds": seconds, "peakMib": peak / 1024}


def child(instance, answer):
    # What SkyPilot prints is not the answer.
    sys.stdout = sys.stderr = open(os.devnull, "w")
    os.dup2(sys.stdout.fileno(), 1)
    os.dup2(sys.stdout.fileno(), 2)
    os.setpgid(0, 0)
    try:
        answer.send(decide(instance))
    except Exception as error:  # pylint: disable=broad-except
        answer.send({"error": f"{type(error).__name__}: {str(error)[:200]}"})


def solve(folder, limit):
    home = home_with(folder)
    os.environ["HOME"] = home
    os.environ["SKYPILOT_DISABLE_USAGE_COLLECTION"] = "1"
    os.environ["COLUMNS"] = "200"
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        import sky
        from sky import check, clouds, optimizer

        enabled = [clouds.AWS(), clouds.Azure(), clouds.GCP()]
        for module in (check, optimizer.sky_check):
            module.get_cached_enabled_clouds_or_refresh = lambda *_, **__: enabled
        print(json.dumps({"version": sky.__version__}), file=out, flush=True)
        context = multiprocessing.get_context("fork")
        for line in sys.stdin:
            ours, theirs = context.Pipe(False)
            process = context.Process(target=child, args=(json.loads(line), theirs))
            process.start()
            theirs.close()
            found = None
            if ours.poll(limit):
                try:
                    found = ours.recv()
                except EOFError:
                    found = {"error": "died"}
            else:
                found = {"error": f"no answer in {limit} s"}
                # The solver is a process of its group.
                os.killpg(process.pid, 9)
            process.join()
            print(json.dumps(found), file=out, flush=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1] == "catalog":
        catalog(sys.argv[2], sys.argv[3])
    else:
        solve(sys.argv[2], float(sys.argv[3]))

// Documents that the pages are made from.

const header = (kind, name) => `apiVersion: plimsoll.dev/v1alpha1\nkind: ${kind}\nmetadata: {name: ${JSON.stringify(name)}}\nspec:\n`;

/** The estate and so many workloads that share nothing, of six teams. */
export function many(count) {
  let state = 7;
  const dice = (sides) => (state = (state * 1103515245 + 12345) % 2147483648) % sides;
  const places = ["aws/us-east-1", "aws/eu-west-1", "aws/eu-central-1", "aws/ap-southeast-2", "gcp/us-central1", "gcp/europe-west4", "azure/westeurope", "azure/brazilsouth", "gcp/asia-south1", "aws/us-west-2"];
  const types = [["p4d.24xlarge", "A100", 8, 32], ["p5.48xlarge", "H100", 8, 60], ["g6.12xlarge", "L4", 4, 4.6], ["g5.12xlarge", "A10G", 4, 5.7]];
  let text = header("Estate", "many") + "  time: 2026-08-19T16:00:00Z\n  catalog: []\n  datasets:\n    - {name: corpus, size: 900Gi, at: aws/eu-west-1}\n  offers:\n";
  for (const place of places) {
    const [cloud, region] = place.split("/");
    for (const [type, accelerator, number, hourly] of types) {
      for (const [capacity, part] of [["on-demand", 1], ["spot", 0.4]]) {
        const price = ((hourly * part * (80 + dice(50))) / 100).toFixed(4);
        text += `    - {cloud: ${cloud}, region: ${region}, instanceType: ${type}, accelerator: ${accelerator}, accelerators: ${number}, cpu: 96, memory: 1000Gi, capacity: ${capacity}, hourly: ${price}, source: price list of ${cloud}, asOf: 2026-0${1 + dice(8)}-11}\n`;
      }
    }
  }
  for (let at = 0; at < count; at++) {
    const wanted = types.map((type) => type[1]).filter(() => dice(2) === 0);
    const any = wanted.length ? wanted : ["L4"];
    text += "---\n" + header("Workload", `${["train", "tune", "serve", "batch"][dice(4)]}-${["vision", "speech", "ranker", "search"][dice(4)]}-${String(at).padStart(4, "0")}`);
    text += `  team: ${["language", "vision", "platform", "genomics", "ads", "maps"][dice(6)]}\n`;
    text += `  request: {accelerators: {anyOf: [${any.join(", ")}], count: ${1 + dice(4)}}, memory: 32Gi}\n  duration: ${1 + dice(40)}h\n`;
    if (dice(3)) text += "  interruptible: true\n  checkpoint: {every: 30m, restart: 5m}\n";
    if (dice(3) === 0) text += "  deadline: 96h\n";
    if (count < 100 && dice(5) === 0) text += `  inputs: [{dataset: corpus, size: ${10 + dice(90)}Gi}]\n`;
  }
  return text;
}

export const HOSTILE = `<script>document.title="owned"</script><img src=x onerror="document.title='owned'">"'&`;

/** Names, teams, sources that would be markup if they were not escaped. */
export function hostile() {
  const name = JSON.stringify(HOSTILE);
  return (
    header("Estate", "hostile") +
    `  time: 2026-08-19T16:00:00Z\n  catalog: []\n  offers:\n    - {name: ${name}, cloud: ${name}, region: ${name}, instanceType: ${name}, cpu: 8, watts: 100, capacity: on-demand, hourly: 1, source: ${name}, asOf: 2026-08-01}\n    - {cloud: c, region: r, instanceType: t, cpu: 8, watts: 100, capacity: on-demand, hourly: 2}\n  carbonIntensity:\n    - {region: "*", gramsPerKwh: 100}\n---\n` +
    header("Workload", HOSTILE) +
    `  team: ${name}\n  request: {cpu: 4}\n  duration: 2h\n---\n` +
    header("Workload", `javascript:${HOSTILE}`) +
    `  value: 1\n  request: {cpu: 99}\n  duration: 2h\n`
  );
}

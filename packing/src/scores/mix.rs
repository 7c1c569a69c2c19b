//! The pods to expect.

use std::collections::BTreeMap;

use crate::fleet::Request;

/// Shapes of pods with their shares, the most frequent first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mix {
    /// The shapes; their shares add up to 1.
    pub shapes: Vec<Shape>,
}

/// What some of the pods ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// CPU, devices and models; of no effect here: memory and the rest.
    pub request: Request,
    /// Which part of the pods ask for this, from 0 to 1.
    pub share: f64,
}

impl Mix {
    /// The typical pods of Weng et al. (ATC 2023): the most frequent shapes that together make up `percent` of the
    /// pods, those without devices among them; equally frequent ones by the larger request first. `GetTypicalPods`
    /// in `frag.go` of kubernetes-scheduler-simulator, with its experiments' settings.
    pub fn typical<'a>(pods: impl IntoIterator<Item = &'a Request>, percent: u32) -> Self {
        let mut counts: BTreeMap<_, (u64, Request)> = BTreeMap::new();
        let mut total = 0_u64;
        for pod in pods {
            total += 1;
            let shape = Request {
                cpu_milli: pod.cpu_milli,
                devices: pod.devices,
                models: pod.models.clone(),
                ..Request::default()
            };
            let key = (pod.cpu_milli, shape.each_milli(), shape.device_count(), pod.models.clone());
            counts.entry(key).or_insert((0, shape)).0 += 1;
        }
        let mut shapes: Vec<_> = counts.into_values().collect();
        shapes.reverse();
        shapes.sort_by_key(|(count, _)| std::cmp::Reverse(*count));

        let wanted = f64::from(percent) * total as f64 / 100.0;
        let mut covered = 0.0;
        let mut kept = 0;
        for (count, _) in &shapes {
            if covered >= wanted {
                break;
            }
            covered += *count as f64;
            kept += 1;
        }
        let all = kept == shapes.len();
        shapes.truncate(kept);
        let share = |count: u64| {
            let share = count as f64 / total as f64;
            // Two divisions, not one: the last bits decide ties of the published scores.
            if all { share } else { share / (covered / total as f64) }
        };
        Self {
            shapes: shapes
                .into_iter()
                .map(|(count, request)| Shape { request, share: share(count) })
                .collect(),
        }
    }
}

//! Fake nodes that look like the clouds' real ones.
//!
//! Every provider has its own dialect of labels for the same facts: region,
//! instance type, accelerator, capacity class. Which these are is in the
//! documentation of each provider and of the device plugins; a reader that
//! knows only one dialect must fail here before it fails in a cluster.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{Node, NodeCondition, NodeSpec, NodeStatus, Taint};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client};

use crate::Error;

/// How a capacity can be had, and lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Capacity {
    /// Paid by the hour.
    #[default]
    OnDemand,
    /// Cheap, and taken away at any time.
    Spot,
    /// Paid in advance.
    Reserved,
}

/// Whose labels a node carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provider {
    /// A machine of one's own: what the kubelet and the device plugin say.
    #[default]
    OnPrem,
    /// A node that Karpenter launched in AWS.
    Karpenter,
    /// A managed node group of EKS.
    Eks,
    /// A node pool of GKE.
    Gke,
    /// A node pool of AKS.
    Aks,
}

/// The accelerators of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accelerators {
    /// The extended resource, as `nvidia.com/gpu`.
    pub resource: &'static str,
    /// How the vendor's feature discovery names the model.
    pub product: &'static str,
    /// How GKE's own label names it.
    pub gke: &'static str,
    /// How many there are in a node.
    pub count: u32,
    /// Memory of each, in MiB.
    pub memory_mib: u32,
}

/// NVIDIA H100, 80 GB.
pub const H100: Accelerators = Accelerators {
    resource: "nvidia.com/gpu",
    product: "NVIDIA-H100-80GB-HBM3",
    gke: "nvidia-h100-80gb",
    count: 8,
    memory_mib: 81_559,
};
/// NVIDIA A100, 80 GB.
pub const A100: Accelerators = Accelerators {
    resource: "nvidia.com/gpu",
    product: "NVIDIA-A100-SXM4-80GB",
    gke: "nvidia-a100-80gb",
    count: 8,
    memory_mib: 81_920,
};
/// NVIDIA L4.
pub const L4: Accelerators = Accelerators {
    resource: "nvidia.com/gpu",
    product: "NVIDIA-L4",
    gke: "nvidia-l4",
    count: 1,
    memory_mib: 23_034,
};
/// AMD Instinct MI300X.
pub const MI300X: Accelerators = Accelerators {
    resource: "amd.com/gpu",
    product: "AMD_Instinct_MI300X_OAM",
    gke: "",
    count: 8,
    memory_mib: 196_592,
};
/// TPU v5e, the four chips of one host.
pub const TPU_V5E: Accelerators = Accelerators {
    resource: "google.com/tpu",
    product: "",
    gke: "tpu-v5-lite-podslice",
    count: 4,
    memory_mib: 16_384,
};

/// Equal nodes.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Nodes are called `NAME-0`, `NAME-1`, ….
    pub name: String,
    /// How many.
    pub count: u32,
    /// Whose labels they carry.
    pub provider: Provider,
    /// As `us-east-1`; on premises the site.
    pub region: String,
    /// As `p5.48xlarge`.
    pub instance_type: String,
    /// How the capacity is had.
    pub capacity: Capacity,
    /// What accelerates; none on a plain node.
    pub accelerators: Option<Accelerators>,
    /// Cores.
    pub cpu: u32,
    /// Host memory in GiB.
    pub memory_gib: u32,
}

impl Profile {
    /// A machine of one's own with these accelerators, 96 cores and 1 TiB.
    pub fn on_prem(name: &str, count: u32, accelerators: Option<Accelerators>) -> Self {
        Self {
            name: name.to_owned(),
            count,
            provider: Provider::OnPrem,
            region: "dc-1".into(),
            instance_type: name.to_owned(),
            capacity: Capacity::OnDemand,
            accelerators,
            cpu: 96,
            memory_gib: 1024,
        }
    }

    /// A node of a cloud with these accelerators.
    pub fn cloud(
        name: &str,
        count: u32,
        (provider, region, instance_type): (Provider, &str, &str),
        capacity: Capacity,
        accelerators: Option<Accelerators>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            count,
            provider,
            region: region.to_owned(),
            instance_type: instance_type.to_owned(),
            capacity,
            cpu: accelerators.as_ref().map_or(32, |a| 12 * a.count.max(1)),
            memory_gib: accelerators.as_ref().map_or(128, |a| 128 * a.count.max(1)),
            accelerators,
        }
    }

    /// The nodes, ready, as they are given to the API server.
    pub fn nodes(&self) -> impl Iterator<Item = Node> {
        (0..self.count).map(|index| self.node(index))
    }

    fn node(&self, index: u32) -> Node {
        let name = format!("{}-{index}", self.name);
        let mut labels = self.labels();
        labels.insert("kubernetes.io/hostname".into(), name.clone());
        let mut capacity = BTreeMap::from([
            ("cpu".to_owned(), Quantity(self.cpu.to_string())),
            ("memory".to_owned(), Quantity(format!("{}Gi", self.memory_gib))),
            ("ephemeral-storage".to_owned(), Quantity("500Gi".into())),
            ("pods".to_owned(), Quantity("110".into())),
        ]);
        if let Some(accelerators) = &self.accelerators {
            let count = Quantity(accelerators.count.to_string());
            capacity.insert(accelerators.resource.to_owned(), count);
        }
        Node {
            metadata: ObjectMeta { name: Some(name), labels: Some(labels), ..Default::default() },
            spec: Some(NodeSpec { taints: self.taints(), ..Default::default() }),
            status: Some(NodeStatus {
                allocatable: Some(capacity.clone()),
                capacity: Some(capacity),
                conditions: Some(vec![ready()]),
                ..Default::default()
            }),
        }
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = vec![
            ("kubernetes.io/arch", "amd64".to_owned()),
            ("kubernetes.io/os", "linux".to_owned()),
            ("node.kubernetes.io/instance-type", self.instance_type.clone()),
            ("topology.kubernetes.io/region", self.region.clone()),
        ];
        let spot = self.capacity == Capacity::Spot;
        let model = self.accelerators.as_ref();
        match self.provider {
            Provider::OnPrem => {}
            Provider::Karpenter => {
                labels.push(("topology.kubernetes.io/zone", format!("{}a", self.region)));
                labels.push(("karpenter.sh/nodepool", "accelerated".into()));
                let class = match self.capacity {
                    Capacity::OnDemand => "on-demand",
                    Capacity::Spot => "spot",
                    Capacity::Reserved => "reserved",
                };
                labels.push(("karpenter.sh/capacity-type", class.into()));
            }
            Provider::Eks => {
                labels.push(("topology.kubernetes.io/zone", format!("{}b", self.region)));
                labels.push(("eks.amazonaws.com/nodegroup", self.name.clone()));
                let class = if spot { "SPOT" } else { "ON_DEMAND" };
                labels.push(("eks.amazonaws.com/capacityType", class.into()));
            }
            Provider::Gke => {
                labels.push(("topology.kubernetes.io/zone", format!("{}-a", self.region)));
                labels.push(("cloud.google.com/gke-nodepool", self.name.clone()));
                let class = if spot { "spot" } else { "standard" };
                labels.push(("cloud.google.com/gke-provisioning", class.into()));
                if spot {
                    labels.push(("cloud.google.com/gke-spot", "true".into()));
                }
                if let Some(model) = model.filter(|m| m.resource == TPU_V5E.resource) {
                    labels.push(("cloud.google.com/gke-tpu-accelerator", model.gke.into()));
                    labels.push(("cloud.google.com/gke-tpu-topology", "2x2".into()));
                } else if let Some(model) = model {
                    labels.push(("cloud.google.com/gke-accelerator", model.gke.into()));
                }
            }
            Provider::Aks => {
                labels.push(("topology.kubernetes.io/zone", format!("{}-1", self.region)));
                labels.push(("kubernetes.azure.com/agentpool", self.name.clone()));
                if spot {
                    labels.push(("kubernetes.azure.com/scalesetpriority", "spot".into()));
                }
            }
        }
        // The vendors' feature discovery says the same in every cloud but GKE, which has none.
        if let Some(model) = model.filter(|_| self.provider != Provider::Gke) {
            match model.resource {
                "nvidia.com/gpu" => {
                    labels.push(("nvidia.com/gpu.product", model.product.into()));
                    labels.push(("nvidia.com/gpu.count", model.count.to_string()));
                    labels.push(("nvidia.com/gpu.memory", model.memory_mib.to_string()));
                }
                "amd.com/gpu" => {
                    labels.push(("amd.com/gpu.product-name", model.product.into()));
                    labels.push(("amd.com/gpu.vram", format!("{}G", model.memory_mib / 1024)));
                }
                _ => {}
            }
        }
        labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// AKS keeps everything off its spot nodes that does not ask for them.
    fn taints(&self) -> Option<Vec<Taint>> {
        (self.provider == Provider::Aks && self.capacity == Capacity::Spot).then(|| {
            vec![Taint {
                key: "kubernetes.azure.com/scalesetpriority".into(),
                value: Some("spot".into()),
                effect: "NoSchedule".into(),
                time_added: None,
            }]
        })
    }
}

/// A fleet of every provider and dialect, some `total` nodes of it: a mixed
/// cluster as a demo or a benchmark needs it.
pub fn mixed(total: u32) -> Vec<Profile> {
    use Capacity::{OnDemand, Reserved, Spot};
    use Provider::{Aks, Eks, Gke, Karpenter};
    // At least one of each; the rest by tenths.
    let share = |tenths: u32| (total * tenths / 10).max(1);
    let aws = |kind| (kind, "us-east-1");
    let place = |(provider, region), instance| (provider, region, instance);
    vec![
        Profile::on_prem("own-h100", share(1), Some(H100)),
        Profile::on_prem("own-cpu", share(2), None),
        Profile::cloud("p5", share(1), place(aws(Karpenter), "p5.48xlarge"), Reserved, Some(H100)),
        Profile::cloud("p4de", share(1), place(aws(Karpenter), "p4de.24xlarge"), Spot, Some(A100)),
        Profile::cloud("g6", share(2), place(aws(Eks), "g6.xlarge"), Spot, Some(L4)),
        Profile::cloud("a3", share(1), (Gke, "europe-west4", "a3-highgpu-8g"), OnDemand, Some(H100)),
        Profile::cloud("tpu", share(1), (Gke, "europe-west4", "ct5lp-hightpu-4t"), OnDemand, Some(TPU_V5E)),
        Profile::cloud(
            "mi300x",
            share(1),
            (Aks, "westeurope", "Standard_ND96isr_MI300X_v5"),
            OnDemand,
            Some(MI300X),
        ),
    ]
}

/// Creates nodes, thirty at a time.
///
/// # Errors
/// When the API server refuses one.
pub async fn create(client: &Client, profiles: &[Profile]) -> Result<(), Error> {
    let api: Api<Node> = Api::all(client.clone());
    let params = PostParams::default();
    futures::stream::iter(profiles.iter().flat_map(Profile::nodes))
        .map(|node| {
            let (api, params) = (&api, &params);
            async move { api.create(params, &node).await.map(|_| ()) }
        })
        .buffer_unordered(30)
        .try_collect::<()>()
        .await?;
    Ok(())
}

/// The condition of a node that works.
pub(crate) fn ready() -> NodeCondition {
    NodeCondition {
        type_: "Ready".into(),
        status: "True".into(),
        reason: Some("KubeletReady".into()),
        message: Some("kubelet is posting ready status".into()),
        ..Default::default()
    }
}

//! `file_mounts`, `inputs`, `outputs`: the buckets that a task reads and writes.
//!
//! SkyPilot names buckets, not where they lie; a bucket that the estate lists as a dataset, by its URI
//! or the bucket's name, is where the estate says.

use plimsoll_model::{
    Bytes,
    diagnostic::shown,
    estate::{Dataset, EstateSpec},
    read::View,
};

use super::{Findings, fields, quantity};

/// Fields of a bucket in `file_mounts`.
const BUCKET: [&str; 10] = [
    "name",
    "source",
    "store",
    "persistent",
    "mode",
    "type",
    "config",
    "_is_sky_managed",
    "_bucket_sub_path",
    "_force_delete",
];

/// How URIs of object stores begin.
const SCHEMES: [&str; 12] =
    ["s3", "gs", "r2", "cos", "oci", "nebius", "cw", "hf", "azure", "https", "http", "tigris"];

/// A bucket, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bucket {
    /// As the document writes it.
    pub(super) written: String,
    /// With the variables of `envs` filled in.
    uri: String,
    /// How much of it, where the document says so.
    pub(super) size: Option<Bytes>,
}

/// What a task reads and writes.
#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) reads: Vec<Bucket>,
    pub(super) writes: Option<Bucket>,
}

/// Reads the fields about data.
pub(super) fn read(root: &View<'_>, envs: Option<&View<'_>>, findings: &mut Findings) -> Data {
    let variables: Vec<(&str, &str)> = envs
        .map(View::entries)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.text()?)))
        .collect();
    let mut data = Data { reads: Vec::new(), writes: sized(root, "outputs", &variables, findings) };
    data.add(sized(root, "inputs", &variables, findings));
    let Some(mounts) = root.field("file_mounts").filter(|mounts| fields::is_mapping(mounts, findings)) else {
        return data;
    };
    for (_, source) in mounts.entries() {
        if source.is_mapping() {
            fields::refuse_unknown(&source, &BUCKET, findings);
            for uri in sources(&source) {
                data.add(Bucket::of(uri, None, &variables));
            }
        } else if let Some(text) = source.text() {
            data.add(Bucket::of(text, None, &variables));
        } else {
            findings.wrong(&source, "expected a path, a bucket's URI, or a mapping");
        }
    }
    data
}

impl Data {
    /// Adds what is read, once.
    fn add(&mut self, bucket: Option<Bucket>) {
        let known = |bucket: &Bucket| self.reads.iter().any(|known| known.uri == bucket.uri);
        let new = bucket.filter(|bucket| !known(bucket));
        self.reads.extend(new);
    }
}

/// The URIs of a bucket's mapping: `source` (one or a list), else its name, which may be a dataset's.
fn sources<'a>(bucket: &View<'a>) -> Vec<&'a str> {
    match bucket.field("source") {
        Some(source) if source.is_list() => {
            source.items().into_iter().filter_map(|item| item.text()).collect()
        }
        Some(source) => source.text().into_iter().collect(),
        None => Vec::new(),
    }
}

/// `inputs` or `outputs`: one URI with a size in GB.
fn sized(
    root: &View<'_>,
    field: &str,
    variables: &[(&str, &str)],
    findings: &mut Findings,
) -> Option<Bucket> {
    let view = root.field(field).filter(|view| fields::is_mapping(view, findings))?;
    let entries = view.entries();
    if entries.len() > 1 {
        findings.wrong(&view, "SkyPilot takes one bucket here");
    }
    let (uri, size) = entries.into_iter().next()?;
    let bytes = size.text().and_then(quantity::gigabytes);
    if bytes.is_none() {
        findings.wrong_help(
            &size,
            "expected a size in GB",
            format!("write `{field}: {{{}: 100}}`", shown(uri)),
        );
        return None;
    }
    let bucket = Bucket::of(uri, bytes, variables);
    if bucket.is_none() {
        findings.wrong(&size, format!("`{}` is no bucket such as `s3://name`", shown(uri)));
    }
    bucket
}

impl Bucket {
    /// As it is written, without what an address may hold of a credential: what stands before `@`, and its query.
    pub(super) fn shown(&self) -> String {
        plimsoll_model::address(&self.written)
    }

    /// A bucket; `None` for a path of this machine.
    fn of(text: &str, size: Option<Bytes>, variables: &[(&str, &str)]) -> Option<Self> {
        let uri = filled(text, variables);
        let (scheme, rest) = uri.split_once("://")?;
        (SCHEMES.contains(&scheme) && !rest.is_empty()).then(|| Self {
            written: text.to_owned(),
            uri: uri.trim_end_matches('/').to_owned(),
            size,
        })
    }

    /// The dataset of the estate that this is: the longest part of the URI that is the name of one, with
    /// or without the scheme.
    pub(super) fn dataset<'e>(&self, estate: Option<&'e EstateSpec>) -> Option<&'e Dataset> {
        let datasets = &estate?.datasets;
        let named = |name: &str| datasets.iter().find(|dataset| dataset.name.trim_end_matches('/') == name);
        let (scheme, path) = self.uri.split_once("://")?;
        let mut part = path;
        loop {
            if let Some(dataset) = named(&format!("{scheme}://{part}")).or_else(|| named(part)) {
                return Some(dataset);
            }
            (part, _) = part.rsplit_once('/')?;
        }
    }
}

/// A text with `$NAME` and `${NAME}` replaced by what `envs` states, as SkyPilot does.
fn filled(text: &str, variables: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        filled.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let braced = after.strip_prefix('{');
        let name = braced.unwrap_or(after);
        let length = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
        let closed = braced.is_none() || name[length..].starts_with('}');
        let value = variables.iter().find(|(known, _)| *known == &name[..length]).filter(|_| closed);
        if let Some((_, value)) = value {
            filled.push_str(value);
            rest = &name[length + usize::from(braced.is_some())..];
        } else {
            filled.push('$');
            rest = after;
        }
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_where_they_are_stated() {
        let variables = [("BUCKET", "b"), ("SIZE", "7")];
        for (text, expected) in [
            ("s3://${BUCKET}/llama-${SIZE}b", "s3://b/llama-7b"),
            ("s3://$BUCKET/x", "s3://b/x"),
            ("s3://${OTHER}/$", "s3://${OTHER}/$"),
            ("s3://${BUCKET", "s3://${BUCKET"),
            ("plain", "plain"),
        ] {
            assert_eq!(filled(text, &variables), expected);
        }
    }

    #[test]
    fn nothing_of_a_credential_in_an_address_is_shown() {
        let bucket = Bucket::of("s3://u:hunter2@host/a@b?sig=hunter2", None, &[]).unwrap();
        assert_eq!(bucket.shown(), "s3://…@host/a@b?…");
    }

    #[test]
    fn a_bucket_is_the_dataset_that_names_most_of_it() {
        let dataset = |name: &str| Dataset {
            name: name.into(),
            size: Bytes::gib(1),
            at: vec!["aws/us-east-1".into()],
            residency: vec![],
        };
        let datasets = ["s3://big", "s3://big/part", "plain"].map(dataset).to_vec();
        let estate = EstateSpec { datasets, ..EstateSpec::default() };
        let found = |uri: &str| {
            let bucket = Bucket::of(uri, None, &[]).unwrap();
            bucket.dataset(Some(&estate)).map(|dataset| dataset.name.clone())
        };
        assert_eq!(found("s3://big/part/x/"), Some("s3://big/part".into()));
        assert_eq!(found("s3://big/other"), Some("s3://big".into()));
        assert_eq!(found("gs://plain"), Some("plain".into()));
        assert_eq!(found("gs://big"), None);
        assert_eq!([Bucket::of("~/data", None, &[]), Bucket::of("s3://", None, &[])], [None, None]);
    }
}

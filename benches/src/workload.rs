//! Seeded documents: the same number of deployments always gives the same bytes, on every machine. Start at [`values`].
//!
//! The text is shaped like values files that people keep by hand: five item styles in turn, comments above, beside and
//! between keys, all three quotings, flow collections, block scalars, and one anchor with one alias.

use std::fmt::Write;

/// Values of the chart `dagster-user-deployments` with that many entries in `deployments`; about 417 bytes each.
/// The entry at `index` is named [`name`]`(index)`.
#[must_use]
pub fn values(deployments: usize) -> String {
    write_values(deployments, Shared::Alias)
}

/// The same with the alias written out and the anchor left off, for tools that do not read anchors.
#[must_use]
pub fn values_without_anchor(deployments: usize) -> String {
    write_values(deployments, Shared::Copy)
}

/// Name of the deployment at `index`.
#[must_use]
pub fn name(index: usize) -> String {
    format!("{}-{index:05}", pick(&TEAMS, index))
}

/// How the one shared block stands in the text.
#[derive(Clone, Copy)]
enum Shared {
    Alias,
    Copy,
}

const TEAMS: [&str; 7] = ["billing", "catalog", "events", "forecasts", "invoices", "orders", "pricing"];
const LEVELS: [&str; 4] = ["DEBUG", "INFO", "WARNING", "ERROR"];
const MEMORY: [&str; 4] = ["256Mi", "512Mi", "1Gi", "2Gi"];

/// Which of the items carries the alias. In the second style, away from the middle and from both ends.
const SHARING_ITEM: usize = 1;

fn pick(words: &'static [&'static str], at: usize) -> &'static str {
    words[at % words.len()]
}

fn write_values(deployments: usize, shared: Shared) -> String {
    let mut text = String::with_capacity(1024 + deployments * 430);
    text.push_str(match shared {
        Shared::Alias => HEADER,
        Shared::Copy => HEADER_WITHOUT_ANCHOR,
    });
    let mut random = Random(SEED);
    for index in 0..deployments {
        let item = Item { index, name: name(index), draw: random.next() };
        let written = match index % 5 {
            0 => item.write_block(&mut text),
            1 => item.write_flow(&mut text, shared),
            2 => item.write_spaced(&mut text),
            3 => item.write_block_scalars(&mut text),
            _ => item.write_nested(&mut text),
        };
        // Writing into a String cannot fail.
        debug_assert!(written.is_ok());
    }
    text
}

const HEADER: &str = "\
# Values of the user code deployments.
# One entry per repository, kept in the order of arrival.
global:
  serviceAccountName: 'dagster'

x-sizes:
  small: &small
    limits: {cpu: 250m, memory: 256Mi}

imagePullSecrets: []

deployments:
";

const HEADER_WITHOUT_ANCHOR: &str = "\
# Values of the user code deployments.
# One entry per repository, kept in the order of arrival.
global:
  serviceAccountName: 'dagster'

x-sizes:
  small:
    limits: {cpu: 250m, memory: 256Mi}

imagePullSecrets: []

deployments:
";

/// One deployment: what its style writes down.
struct Item {
    index: usize,
    name: String,
    /// Random bits; each use takes its own.
    draw: u64,
}

impl Item {
    fn bits(&self, from: u32, below: usize) -> usize {
        ((self.draw >> from) as usize & 0xff) % below
    }

    fn team(&self) -> &'static str {
        pick(&TEAMS, self.index)
    }

    fn memory(&self) -> &'static str {
        pick(&MEMORY, self.bits(0, 4))
    }

    fn level(&self) -> &'static str {
        pick(&LEVELS, self.bits(8, 4))
    }

    /// As `1.10.5`: a string in every YAML, and one that looks like a number.
    fn tag(&self) -> String {
        format!("{}.{}.{}", self.bits(16, 3), self.bits(24, 20), self.bits(32, 10))
    }

    /// Block collections all through, comments above and beside.
    fn write_block(&self, text: &mut String) -> std::fmt::Result {
        let Self { name, .. } = self;
        let (team, tag, level, memory) = (self.team(), self.tag(), self.level(), self.memory());
        writeln!(
            text,
            "  # {team}: ask in #{team}-data before changing this\n  \
             - name: {name}\n    \
               image:\n      \
                 repository: registry.example.com/{team}/{name}\n      \
                 tag: {tag}  # set by the pipeline, do not edit\n      \
                 pullPolicy: IfNotPresent\n    \
               dagsterApiGrpcArgs:\n      \
                 - \"--python-file\"\n      \
                 - /opt/dagster/app/{name}/repo.py\n    \
               port: 3030\n    \
               env:\n      \
                 LOG_LEVEL: {level}\n    \
               resources:\n      \
                 limits:\n        \
                   memory: {memory}"
        )
    }

    /// Flow collections and double quotes.
    fn write_flow(&self, text: &mut String, shared: Shared) -> std::fmt::Result {
        let Self { name, .. } = self;
        let (team, tag, level, memory) = (self.team(), self.tag(), self.level(), self.memory());
        let resources = match (self.index, shared) {
            (SHARING_ITEM, Shared::Alias) => "*small".to_owned(),
            (SHARING_ITEM, Shared::Copy) => "{limits: {cpu: 250m, memory: 256Mi}}".to_owned(),
            _ => format!("{{limits: {{cpu: 500m, memory: {memory}}}}}"),
        };
        writeln!(
            text,
            "  - name: \"{name}\"\n    \
               image: {{repository: registry.example.com/{team}/{name}, tag: \"{tag}\", pullPolicy: Always}}\n    \
               dagsterApiGrpcArgs: [\"-m\", {team}.definitions, '--attribute', defs]\n    \
               port: 3030\n    \
               env: {{LOG_LEVEL: \"{level}\", RETRIES: \"{retries}\"}}\n    \
               labels: {{team: {team}, tier: \"{tier}\"}}\n    \
               nodeSelector: {{}}\n    \
               includeConfigInLaunchedRuns: {{enabled: true}}\n    \
               resources: {resources}",
            retries = self.bits(40, 9),
            tier = self.bits(48, 4),
        )
    }

    /// Single quotes, a comment and a blank line between keys, a blank line behind.
    fn write_spaced(&self, text: &mut String) -> std::fmt::Result {
        let Self { name, .. } = self;
        let (team, tag, level) = (self.team(), self.tag(), self.level());
        writeln!(
            text,
            "  - name: '{name}'\n    \
               # built by the pipeline of the monorepo\n    \
               image:\n      \
                 repository: 'registry.example.com/{team}/{name}'\n      \
                 tag: '{tag}'\n\n    \
               dagsterApiGrpcArgs:\n      \
                 - -f\n      \
                 - /app/{team}/repo.py  # no package yet\n    \
               port: {port}\n    \
               envSecrets:\n      \
                 - name: {team}-database\n    \
               env:\n      \
                 LOG_LEVEL: {level}\n      \
                 MESSAGE: 'it''s {team}: nightly and weekly'\n",
            port = 3030 + self.bits(40, 4),
        )
    }

    /// Literal and folded scalars.
    fn write_block_scalars(&self, text: &mut String) -> std::fmt::Result {
        let Self { name, .. } = self;
        let (team, tag, memory) = (self.team(), self.tag(), self.memory());
        writeln!(
            text,
            "  - name: {name}\n    \
               image:\n      \
                 repository: registry.example.com/{team}/{name}\n      \
                 tag: \"{tag}\"\n    \
               dagsterApiGrpcArgs: [--python-file, /app/repo.py]\n    \
               port: 3030\n    \
               annotations:\n      \
                 description: >-\n        \
                   Loads what {team} delivers over night\n        \
                   and checks it.\n      \
                 runbook: |\n        \
                   # not a comment\n        \
                   restart: kubectl rollout restart deploy/{name}\n    \
               resources:\n      \
                 requests: {{memory: {memory}}}"
        )
    }

    /// Sequences of mappings, probes, empty and null values.
    fn write_nested(&self, text: &mut String) -> std::fmt::Result {
        let Self { name, .. } = self;
        let (team, tag) = (self.team(), self.tag());
        writeln!(
            text,
            "  - name: {name}\n    \
               image: {{repository: registry.example.com/{team}/{name}, tag: {tag}}}\n    \
               dagsterApiGrpcArgs: [\"-m\", \"{team}\"]\n    \
               port: 3030\n    \
               tolerations:\n      \
                 - key: dedicated\n        \
                   operator: Equal\n        \
                   value: {team}\n      \
                 - key: spot  # cheap nodes\n        \
                   operator: Exists\n    \
               startupProbe:\n      \
                 enabled: {enabled}\n      \
                 periodSeconds: {period}\n    \
               affinity: ~",
            enabled = self.bits(40, 2) == 0,
            period = 5 + self.bits(48, 20),
        )
    }
}

/// Any fixed number will do; another one makes another document.
const SEED: u64 = 0x9e37_79b9;

/// SplitMix64 (Steele, Lea, Flood 2014). Written out because a random-number crate may change its sequence.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

//! What `load_from` may hold: [`KINDS`], and the fields of each. Source: `dagster/_core/workspace/config_schema.py`, 1.8.13 to
//! 1.13.27.

use super::{Field, Since, Type};
use crate::version::Version;

/// One kind of code location.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) key: &'static str,
    /// The field that it needs, and whose value alone is its short form; none for `grpc_server`.
    pub(crate) required: Option<&'static str>,
    pub(crate) fields: &'static [Field],
    /// When it came.
    pub(crate) since: Since,
}

const TEXT: Type = Type::Source(&Type::Text);
const PORT: Type = Type::Source(&Type::Port);

/// Oldest Dagster that reads `additional_metadata`.
const METADATA_SINCE: Version = Version::new(1, 9, 10);

/// The kinds, and their fields in the order in which they are written.
pub(crate) static KINDS: [Kind; 5] = [
    Kind { key: "grpc_server", required: None, fields: &GRPC_SERVER, since: Since::Always },
    Kind { key: "python_file", required: Some("relative_path"), fields: &PYTHON_FILE, since: Since::Always },
    Kind { key: "python_module", required: Some("module_name"), fields: &PYTHON_MODULE, since: Since::Always },
    Kind { key: "python_package", required: Some("package_name"), fields: &PYTHON_PACKAGE, since: Since::Always },
    Kind {
        key: "autoload_defs_module",
        required: Some("module_name"),
        fields: &AUTOLOAD,
        since: Since::From(Version::new(1, 10, 19)),
    },
];

/// Fields of a `grpc_server`.
pub(crate) static GRPC_SERVER: [Field; 6] = [
    Field::new("host", TEXT, "Host; `localhost` where it is missing").mistaken(&["hostname", "address"]),
    Field::new("port", PORT, "Port"),
    Field::new("socket", TEXT, "Unix socket, in place of a port"),
    Field::new("location_name", TEXT, "Name of the code location; `grpc:HOST:PORT` where it is missing")
        .mistaken(&["name"]),
    Field::new("ssl", Type::Bool, "Whether to speak TLS").mistaken(&["tls", "use_ssl"]),
    Field::new("additional_metadata", Type::Map(&Type::Text), "What the code location's page shows")
        .since(Since::From(METADATA_SINCE))
        .mistaken(&["metadata"]),
];

const ATTRIBUTE: Field = Field::new("attribute", TEXT, "Name of the definitions in the module");
const LOCATION_NAME: Field = Field::new("location_name", TEXT, "Name of the code location").mistaken(&["name"]);
const DIRECTORY: Field = Field::new("working_directory", TEXT, "Folder that imports are relative to");
const EXECUTABLE: Field = Field::new("executable_path", TEXT, "Python that loads it");

static PYTHON_FILE: [Field; 5] =
    [Field::new("relative_path", TEXT, "The file").required(), ATTRIBUTE, LOCATION_NAME, DIRECTORY, EXECUTABLE];

static PYTHON_MODULE: [Field; 5] =
    [Field::new("module_name", TEXT, "The module").required(), ATTRIBUTE, DIRECTORY, LOCATION_NAME, EXECUTABLE];

static PYTHON_PACKAGE: [Field; 5] =
    [Field::new("package_name", TEXT, "The package").required(), ATTRIBUTE, DIRECTORY, LOCATION_NAME, EXECUTABLE];

static AUTOLOAD: [Field; 4] =
    [Field::new("module_name", TEXT, "The module").required(), DIRECTORY, LOCATION_NAME, EXECUTABLE];

impl Kind {
    pub(crate) fn is_grpc(&self) -> bool {
        self.required.is_none()
    }

    /// Fields that hold a text or `{env: NAME}`.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().filter(|field| matches!(field.of, Type::Source(Type::Text))).map(|field| field.key)
    }

    /// The fields that `dagster` knows of it.
    pub(crate) fn known(&self, dagster: Version) -> impl Iterator<Item = &'static Field> + Clone {
        self.fields.iter().filter(move |field| field.since.is_in(dagster))
    }
}

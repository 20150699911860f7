//! What of a value does not fit its type: [`check`], over data of any form. Read [`Problem`] first.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use super::{Field, Items, Need, Type, field};
use crate::field::FieldError;
use crate::value::Value;
use crate::version::Version;

/// Data that can be looked at: a value, or a node of a document.
pub(crate) trait Data<'d>: Copy {
    /// What names an entry of a mapping.
    type Key: Copy;

    fn form(self) -> Form<'d, Self>;

    /// Its text, where it is one.
    fn text(self) -> Option<Cow<'d, str>>;

    fn is_null(self) -> bool;

    /// The entry under `key` of a mapping.
    fn get(self, key: &str) -> Option<Self>;

    /// Whether it is a text that other readers take for a number.
    fn is_ambiguous(self) -> bool {
        false
    }
}

/// One entry of a mapping.
pub(crate) struct Member<'d, T: Data<'d>> {
    pub(crate) name: Cow<'d, str>,
    pub(crate) key: T::Key,
    pub(crate) value: T,
}

/// What stands there.
pub(crate) enum Form<'d, T: Data<'d>> {
    /// Nothing that can be judged: an alias that leads nowhere.
    Unseen,
    Null,
    Bool,
    Whole(i64),
    Fraction,
    Text,
    List(Vec<T>),
    Mapping(Vec<Member<'d, T>>),
}

/// What does not fit.
pub(crate) enum Problem<'d, T: Data<'d>> {
    /// Something else than the type.
    Wrong { at: T, of: &'static Type },
    /// A text that some reader takes for a number.
    Ambiguous { at: T },
    /// A required key is missing in a mapping.
    Missing { at: T, field: &'static Field },
    /// A key that nobody reads.
    Unknown { name: Cow<'d, str>, key: T::Key, fields: &'static [Field] },
    /// A key that only newer releases read.
    Newer { key: T::Key, field: &'static Field },
    /// Two keys that exclude each other.
    Excluded { key: T::Key, other: T::Key, field: &'static Field },
    /// Two items of one identity.
    Twice { first: T, second: T, name: Cow<'d, str>, items: Items },
}

/// Where something stands, from the deployment down.
#[derive(Clone, Copy)]
pub(crate) struct Place<'p> {
    above: Option<&'p Place<'p>>,
    step: Step<'p>,
    /// Whether it is Kubernetes that reads it, not the chart.
    is_kubernetes: bool,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Here,
    Key(&'p str),
    Index(usize),
    Item(&'p str),
}

impl<'p> Place<'p> {
    pub(crate) const ROOT: Self = Self { above: None, step: Step::Here, is_kubernetes: false };

    pub(crate) fn key(&'p self, key: &'p str) -> Self {
        Self { above: Some(self), step: Step::Key(key), is_kubernetes: false }
    }

    /// An item, told by what it is called.
    pub(crate) fn item(&'p self, name: &'p str) -> Self {
        Self { above: Some(self), step: Step::Item(name), is_kubernetes: false }
    }

    pub(crate) fn index(&'p self, index: usize) -> Self {
        Self { above: Some(self), step: Step::Index(index), is_kubernetes: false }
    }

    /// Whether it is the entry itself.
    pub(crate) fn is_root(&self) -> bool {
        matches!(self.step, Step::Here)
    }

    /// Its first key.
    pub(crate) fn first(&self) -> Option<&'p str> {
        match (self.above, self.step) {
            (Some(above), Step::Key(key)) if above.is_root() => Some(key),
            (above, _) => above?.first(),
        }
    }

    /// Whether it lies in an object that Kubernetes reads.
    pub(crate) fn is_kubernetes(&self) -> bool {
        self.is_kubernetes || self.above.is_some_and(Place::is_kubernetes)
    }

    /// Whether a step of it is `key`.
    pub(crate) fn is_in(&self, key: &str) -> bool {
        matches!(self.step, Step::Key(own) if own == key) || self.above.is_some_and(|above| above.is_in(key))
    }

    /// How many steps it has.
    pub(crate) fn depth(&self) -> usize {
        self.above.map_or(0, |above| above.depth() + 1)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(above) = self.above {
            write!(f, "{above}")?;
        }
        match self.step {
            Step::Here => Ok(()),
            Step::Key(key) if self.above.is_none_or(Place::is_root) => f.write_str(key),
            Step::Key(key) => write!(f, ".{key}"),
            Step::Index(at) => write!(f, "[{at}]"),
            Step::Item(name) => write!(f, "[{name}]"),
        }
    }
}

/// Who is told of what does not fit, and where.
pub(crate) type Report<'r, 'd, T> = &'r mut dyn FnMut(&Place<'_>, Problem<'d, T>);

/// Reports all that does not fit `of` in `data`, judged for a release of the chart.
pub(crate) fn check<'d, T: Data<'d>>(
    of: &'static Type,
    chart: Version,
    data: T,
    place: &Place<'_>,
    report: Report<'_, 'd, T>,
) {
    let form = data.form();
    match (of, &form) {
        (Type::Text | Type::Tag, Form::Text) if data.is_ambiguous() => {
            return report(place, Problem::Ambiguous { at: data });
        }
        (Type::Either(one, other), form) => {
            let fits = |of: &&'static Type| of.takes(form);
            if let Some(of) = [*one, *other].into_iter().find(fits) {
                return check(of, chart, data, place, report);
            }
        }
        (Type::Source(of), form) if !matches!(form, Form::Mapping(_)) => return check(of, chart, data, place, report),
        _ => {}
    }
    match (of, form) {
        (of, form) if is_plainly(of, &form, data) => {}
        (Type::Map(of), Form::Mapping(members)) => {
            for member in &members {
                check(of, chart, member.value, &place.key(&member.name), report);
            }
        }
        (Type::Object(fields), Form::Mapping(members)) => object(fields, chart, (data, &members), place, report),
        (Type::List(of, items), Form::List(list)) => {
            for (at, item) in list.iter().enumerate() {
                check(of, chart, *item, &place.index(at), report);
            }
            repeated(*items, &list, place, report);
        }
        _ => report(place, Problem::Wrong { at: data, of }),
    }
}

/// Whether what has nothing in it to check is what the type wants.
fn is_plainly<'d, T: Data<'d>>(of: &Type, form: &Form<'d, T>, data: T) -> bool {
    match (of, form) {
        (Type::Count, Form::Whole(count)) => *count > 0,
        (Type::Word(words), Form::Text) => data.text().is_some_and(|text| words.iter().any(|word| text == *word)),
        (_, Form::Unseen)
        | (Type::Any, _)
        | (Type::Text, Form::Text)
        | (Type::Tag, Form::Text | Form::Whole(_) | Form::Null)
        | (Type::Bool, Form::Bool)
        | (Type::Whole | Type::Port, Form::Whole(_))
        | (Type::Amount, Form::Text | Form::Whole(_) | Form::Fraction | Form::Null)
        | (Type::Source(_), Form::Mapping(_)) => true,
        _ => false,
    }
}

impl Type {
    /// Whether a value can be of this type at all, as one of two.
    pub(super) fn is_for(&self, value: &Value) -> bool {
        self.takes(&value.form())
    }

    /// Whether something of this form can be of this type at all.
    fn takes<'d, T: Data<'d>>(&self, form: &Form<'d, T>) -> bool {
        match self {
            Self::Map(_) | Self::Object(_) => matches!(form, Form::Mapping(_)),
            Self::List(..) => matches!(form, Form::List(_)),
            _ => !matches!(form, Form::Mapping(_) | Form::List(_)),
        }
    }
}

fn object<'d, T: Data<'d>>(
    fields: &'static [Field],
    chart: Version,
    (at, members): (T, &[Member<'d, T>]),
    place: &Place<'_>,
    report: Report<'_, 'd, T>,
) {
    for field in fields {
        if field.is_required_in(chart) && !members.iter().any(|member| member.name == field.key) {
            report(place, Problem::Missing { at, field });
        }
    }
    for member in members {
        let Some(field) = field(fields, &member.name) else {
            let (name, key) = (member.name.clone(), member.key);
            report(place, Problem::Unknown { name, key, fields });
            continue;
        };
        let place = Place { above: Some(place), step: Step::Key(field.key), is_kubernetes: field.is_kubernetes };
        if !field.since.is_in(chart) {
            report(&place, Problem::Newer { key: member.key, field });
        }
        let other = field.excludes.and_then(|other| members.iter().find(|member| member.name == other));
        // Of the two, the one that comes first in the table tells.
        if let Some(other) = other.filter(|other| rank(fields, &other.name) > rank(fields, field.key)) {
            report(&place, Problem::Excluded { key: member.key, other: other.key, field });
        }
        if !(field.is_nullable_in(chart) && member.value.is_null()) {
            check(&field.of, chart, member.value, &place, report);
        }
    }
}

fn rank(fields: &[Field], key: &str) -> usize {
    fields.iter().position(|field| field.key == key).unwrap_or(fields.len())
}

/// Reports items that share an identity, each with the first of it.
fn repeated<'d, T: Data<'d>>(items: Items, list: &[T], place: &Place<'_>, report: Report<'_, 'd, T>) {
    let Some(key) = items.key() else { return };
    let mut named: Vec<(Cow<'d, str>, usize, T)> = Vec::new();
    for (at, item) in list.iter().enumerate() {
        let Some(name) = item.get(key) else { continue };
        named.extend(name.text().map(|text| (text, at, name)));
    }
    named.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(&b.1)));
    for pair in named.windows(2) {
        let [(name, _, first), (again, at, second)] = pair else { continue };
        if name == again {
            let (first, second) = (*first, *second);
            report(&place.index(*at), Problem::Twice { first, second, name: name.clone(), items });
        }
    }
}

/// The first thing in `value` that does not fit `of`, where there is one.
pub(crate) fn fits(of: &'static Type, place: &Place<'_>, value: &Value) -> Result<(), FieldError> {
    let mut first = None;
    check(of, Version::NEWEST, value, place, &mut |place, problem| {
        let error = match problem {
            Problem::Wrong { at, of } => {
                let lost = matches!((of, at), (Type::Text | Type::Tag, Value::Float(_) | Value::Bool(_)));
                let expected = if lost { "a text in quotes" } else { of.expected() };
                FieldError::new(&place.to_string(), expected, Some(at))
            }
            // The builder has a policy of its own, and lint has hints.
            Problem::Missing { field, .. } if matches!(field.of, Type::Word(_)) || field.need != Need::Required => {
                return;
            }
            Problem::Missing { field, .. } => {
                FieldError::new(&place.key(field.key).to_string(), field.of.expected(), None)
            }
            Problem::Excluded { field, .. } => FieldError {
                path: place.to_string(),
                expected: "alone",
                found: format!("`{}`", field.excludes.unwrap_or_default()),
            },
            Problem::Ambiguous { .. } | Problem::Unknown { .. } | Problem::Newer { .. } | Problem::Twice { .. } => {
                return;
            }
        };
        // What a variable holds is nobody's business.
        let secret = place.is_in("env") && error.found.starts_with("the number");
        first.get_or_insert(if secret { FieldError { found: String::from("a number"), ..error } } else { error });
    });
    first.map_or(Ok(()), Err)
}

impl<'v> Data<'v> for &'v Value {
    type Key = ();

    fn form(self) -> Form<'v, Self> {
        match self {
            Value::Null => Form::Null,
            Value::Bool(_) => Form::Bool,
            Value::Int(number) => Form::Whole(*number),
            Value::Float(_) => Form::Fraction,
            Value::String(_) => Form::Text,
            Value::Sequence(items) => Form::List(items.iter().collect()),
            Value::Mapping(entries) => {
                let member = |(name, value): &'v (String, Value)| Member { name: Cow::Borrowed(name), key: (), value };
                Form::Mapping(entries.iter().map(member).collect())
            }
        }
    }

    fn text(self) -> Option<Cow<'v, str>> {
        self.as_str().map(Cow::Borrowed)
    }

    fn is_null(self) -> bool {
        *self == Value::Null
    }

    fn get(self, key: &str) -> Option<Self> {
        Value::get(self, key)
    }
}

//! Registered recipes, for workers that run another program than the loader's.

use std::any::TypeId;

pub use ::inventory;

use crate::backend::recipe::{Hooks, Named};
use crate::error::{Error, Result};

/// A recipe and its name.
#[derive(Debug)]
#[doc(hidden)]
pub struct Registered {
    name: &'static str,
    /// The source line of the registration.
    place: &'static str,
    pub(in super::super) hooks: Hooks,
    pub(in super::super) recipe: &'static dyn Named,
}

inventory::collect!(Registered);

impl Registered {
    pub(crate) const fn of(
        name: &'static str,
        place: &'static str,
        hooks: Hooks,
        recipe: &'static dyn Named,
    ) -> Self {
        Self { name, place, hooks, recipe }
    }
}

/// Finds the recipe with a name in this program; fails if none or several have it.
pub(in super::super) fn find(name: &str) -> Result<&'static Registered, String> {
    choose(inventory::iter::<Registered>.into_iter(), name)
}

/// Returns the hooks of the recipe that has this name in this program and must have this type.
pub(crate) fn registered(name: &str, kind: TypeId) -> Result<Hooks> {
    let wrong = |allowed| {
        let (setting, value) = ("registered_as".into(), format!("{name:?}"));
        Err(Error::Setting { name: setting, value, allowed })
    };
    match find(name) {
        Err(why) => wrong(format!("a name of windrow::register!, but {why}")),
        Ok(found) if found.recipe.kind() != kind => wrong(format!(
            "the name of the loader's own recipe; {} gives this name to a recipe of \
             another type",
            found.place
        )),
        Ok(found) => Ok(found.hooks),
    }
}

fn choose<'a>(
    all: impl Iterator<Item = &'a Registered>,
    name: &str,
) -> Result<&'a Registered, String> {
    let all: Vec<&Registered> = all.collect();
    let found: Vec<&Registered> = all.iter().copied().filter(|known| known.name == name).collect();
    match *found {
        [one] => Ok(one),
        [] => {
            let mut known: Vec<_> = all.iter().map(|known| format!("{:?}", known.name)).collect();
            known.sort();
            known.dedup();
            Err(format!(
                "no recipe is registered as {name:?}; known are {}. To link a crate that the \
                 program does not otherwise use, write `use that_crate as _;`",
                known.join(", ")
            ))
        }
        _ => {
            let mut places: Vec<_> = found.iter().map(|found| found.place).collect();
            places.sort_unstable();
            Err(format!(
                "{} recipes are registered as {name:?}, in {}; give each its own name",
                places.len(),
                places.join(" and ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::recipe::{Opened, WorkerContext};

    #[derive(Debug)]
    struct Nothing;

    impl Named for Nothing {
        fn kind(&self) -> TypeId {
            TypeId::of::<Self>()
        }

        fn open(&self, _: &[u8], _: &'static WorkerContext) -> Result<Opened> {
            Err(Error::Workers { why: "this recipe opens no pipeline".into() })
        }
    }

    fn entry(name: &'static str, place: &'static str) -> Registered {
        Registered::of(name, place, Hooks::NONE, &Nothing)
    }

    #[test]
    fn a_name_is_found_once_and_two_of_a_name_are_told_apart_by_their_lines() {
        let all = [entry("b", "src/b.rs:2"), entry("a", "src/z.rs:9"), entry("a", "src/a.rs:3")];
        assert_eq!(choose(all.iter(), "b").unwrap().place, "src/b.rs:2");
        let twice = choose(all.iter(), "a").unwrap_err();
        assert!(
            twice.contains("2 recipes") && twice.contains("src/a.rs:3 and src/z.rs:9"),
            "{twice}"
        );
        let unknown = choose(all.iter(), "c").unwrap_err();
        assert!(unknown.contains("\"c\"; known are \"a\", \"b\"."), "{unknown}");
    }
}

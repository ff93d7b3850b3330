//! The shard that a launcher gives this process by environment variables.
#![expect(clippy::disallowed_methods, reason = "the variables of this process")]

use crate::error::{Error, Result};
use crate::order::Shard;

/// The variables of a launcher that numbers the processes that it starts.
struct Launcher {
    index: &'static str,
    count: &'static str,
}

const OWN: Launcher = Launcher { index: "WINDROW_SHARD_INDEX", count: "WINDROW_SHARD_COUNT" };
const SRUN: Launcher = Launcher { index: "SLURM_PROCID", count: "SLURM_STEP_NUM_TASKS" };

/// The launchers that give both numbers, innermost first: `torchrun` may run below `srun`.
const LAUNCHERS: [Launcher; 4] = [
    // torchrun, Open MPI, other MPI, Slurm.
    Launcher { index: "RANK", count: "WORLD_SIZE" },
    Launcher { index: "OMPI_COMM_WORLD_RANK", count: "OMPI_COMM_WORLD_SIZE" },
    Launcher { index: "PMI_RANK", count: "PMI_SIZE" },
    SRUN,
];

/// The variables of launchers that give an index without a count.
const INDEX_ONLY: [(&str, &str); 2] = [
    ("PMIX_RANK", "the number of processes that PMIx starts"),
    ("JOB_COMPLETION_INDEX", "spec.completions of the Kubernetes Job"),
];

/// The variable of Slurm with the number of tasks that a job asks for.
const ASKED: &str = "SLURM_NTASKS";

const SET_BOTH: &str = "set WINDROW_SHARD_INDEX and WINDROW_SHARD_COUNT";

impl Shard {
    /// Returns the shard of this process from the environment variables of a launcher, `None`
    /// without a launcher.
    ///
    /// The first row that is set counts. An empty variable counts as not set.
    ///
    /// | launcher | index | count |
    /// |---|---|---|
    /// | your own | `WINDROW_SHARD_INDEX` | `WINDROW_SHARD_COUNT` |
    /// | Kubernetes Indexed Job | `JOB_COMPLETION_INDEX` | `WINDROW_SHARD_COUNT` |
    /// | PMIx | `PMIX_RANK` | `WINDROW_SHARD_COUNT` |
    /// | `torchrun` | `RANK` | `WORLD_SIZE` |
    /// | Open MPI | `OMPI_COMM_WORLD_RANK` | `OMPI_COMM_WORLD_SIZE` |
    /// | MPICH, Intel MPI | `PMI_RANK` | `PMI_SIZE` |
    /// | Slurm's `srun` | `SLURM_PROCID` | `SLURM_STEP_NUM_TASKS` |
    ///
    /// JAX has no such variables: use `Shard::new` with its process index and count.
    ///
    /// # Errors
    /// Returns [`Error::Environment`] for these variables:
    /// - an index without a count, or a count without an index;
    /// - a value that is no number, and an index that is not below the count;
    /// - two launchers of which the outer one starts more processes than the inner one;
    /// - a batch script of Slurm with several tasks: Slurm starts the script once, `srun` each task.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, order::Shard, range};
    /// let shard = Shard::from_env()?.unwrap_or(Shard::new(0, 1)?);
    /// let mut loader = Loader::builder(range(0..12).batch(6).split_across(shard)).build()?;
    /// assert_eq!(loader.next().unwrap()?.len() as u64, shard.len_of(6));
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn from_env() -> Result<Option<Self>> {
        Self::from_lookup(|name| {
            std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
        })
    }

    /// Returns the shard that [`from_env`](Self::from_env) finds among other variables, for tests.
    ///
    /// `lookup` returns the value of a variable, `None` if the variable is not set.
    ///
    /// # Errors
    /// Returns the errors of [`from_env`](Self::from_env).
    ///
    /// ```
    /// use windrow::order::Shard;
    /// let variables = [("RANK", "2"), ("WORLD_SIZE", "4")];
    /// let lookup = |name: &str| {
    ///     variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.to_string())
    /// };
    /// assert_eq!(Shard::from_lookup(lookup)?, Some(Shard::new(2, 4)?));
    /// assert_eq!(Shard::from_lookup(|_| None)?, None);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        Variables(&|name| lookup(name).filter(|value| !value.is_empty())).shard()
    }
}

/// The environment variables that are set.
struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    fn shard(&self) -> Result<Option<Shard>> {
        let index_only = INDEX_ONLY.iter().find(|(index, _)| self.is_set(index));
        if self.is_set(OWN.index) {
            return self.numbered(OWN.index, OWN.count).map(Some);
        }
        if self.is_set(OWN.count) {
            let shard = self.numbered(index_only.map_or(OWN.index, |own| own.0), OWN.count)?;
            return self.innermost(shard, OWN.count);
        }
        let set = |launcher: &&Launcher| self.is_set(launcher.index) || self.is_set(launcher.count);
        match (LAUNCHERS.iter().find(set), index_only) {
            (Some(launcher), _) if launcher.index == SRUN.index && !self.is_set(SRUN.count) => {
                self.batch_script()
            }
            (Some(launcher), _) => {
                self.innermost(self.numbered(launcher.index, launcher.count)?, launcher.count)
            }
            (None, Some((index, count))) => Err(self.wrong(
                index,
                &format!("an index together with {}; set that variable to {count}", OWN.count),
            )),
            (None, None) => Ok(None),
        }
    }

    fn is_set(&self, name: &str) -> bool {
        (self.0)(name).is_some()
    }

    /// Returns the shard of two variables, of which at least one is set.
    fn numbered(&self, index: &'static str, count: &'static str) -> Result<Shard> {
        for (set, missing) in [(index, count), (count, index)] {
            if !self.is_set(missing) {
                let allowed = format!("a value together with {missing}, which is not set");
                return Err(self.wrong(set, &format!("{allowed}; set both or neither")));
            }
        }
        let (number, below) = (self.number(index)?, self.number(count)?);
        if below == 0 {
            return Err(self.wrong(count, "a count of at least 1"));
        }
        let allowed = || format!("an index below {count}, which is {below}");
        Shard::new(number, below).map_err(|_| self.wrong(index, &allowed()))
    }

    fn number(&self, name: &'static str) -> Result<u64> {
        let value = (self.0)(name).filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
        let number = value.and_then(|value| value.parse().ok());
        number.ok_or_else(|| self.wrong(name, "a whole number below 2^64 in decimal digits"))
    }

    /// Refuses a shard if another launcher starts more processes than the shard's launcher.
    ///
    /// The launcher of agents starts fewer: `srun` starts one `torchrun` on each machine.
    fn innermost(&self, shard: Shard, of: &str) -> Result<Option<Shard>> {
        for other in LAUNCHERS.iter().filter(|other| other.count != of) {
            let complete = self.is_set(other.index) && self.is_set(other.count);
            if complete && self.number(other.count)? > shard.count() {
                let allowed = format!("at most {of}, which is {}; {SET_BOTH}", shard.count());
                return Err(self.wrong(other.count, &allowed));
            }
        }
        Ok(Some(shard))
    }

    /// Refuses a batch script of several tasks, which Slurm starts once, as task 0.
    fn batch_script(&self) -> Result<Option<Shard>> {
        let Some(asked) = (self.0)(ASKED).filter(|asked| asked != "1") else { return Ok(None) };
        Err(self.wrong(
            SRUN.index,
            &format!(
                "a task that `srun` started, but {} is not set, and {ASKED} is {asked}; start the \
                 program by `srun`, or {SET_BOTH}",
                SRUN.count
            ),
        ))
    }

    fn wrong(&self, variable: &'static str, allowed: &str) -> Error {
        let value = (self.0)(variable).unwrap_or_default();
        Error::Environment { variable, value, allowed: allowed.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what the variables of this text give: `A=1 B=2`.
    fn of(text: &str) -> Result<Option<(u64, u64)>, String> {
        let lookup = |name: &str| {
            let set = text.split(' ').filter_map(|variable| variable.split_once('='));
            set.rev().find(|(set, _)| *set == name).map(|(_, value)| value.to_owned())
        };
        let shard = Shard::from_lookup(lookup).map_err(|error| error.to_string())?;
        Ok(shard.map(|shard| (shard.index(), shard.count())))
    }

    const BATCH: &str = "SLURM_JOB_ID=7 SLURM_PROCID=0 SLURM_NTASKS=4";

    #[test]
    fn every_launcher_numbers_its_processes() {
        for launcher in [OWN].iter().chain(&LAUNCHERS) {
            let variables = format!("{}=2 {}=4", launcher.index, launcher.count);
            assert_eq!(of(&variables), Ok(Some((2, 4))), "{variables}");
        }
        for (index, _) in INDEX_ONLY {
            assert_eq!(of(&format!("{index}=2 WINDROW_SHARD_COUNT=4")), Ok(Some((2, 4))));
        }
        assert_eq!(of(""), Ok(None));
        assert_eq!(of("LOCAL_RANK=0 SLURM_JOB_ID=7 RANK= WORLD_SIZE="), Ok(None));
        assert_eq!(of("SLURM_PROCID=0 SLURM_NNODES=4"), Ok(None));
        assert_eq!(of("SLURM_PROCID=0 SLURM_NTASKS=1"), Ok(None));
    }

    #[test]
    fn the_innermost_launcher_numbers_the_process() {
        let srun = "SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2 SLURM_NTASKS=2";
        assert_eq!(of(&format!("{srun} RANK=5 WORLD_SIZE=8")), Ok(Some((5, 8))));
        let mpi = "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4 PMIX_RANK=1";
        assert_eq!(of(&format!("{mpi} {BATCH}")), Ok(Some((1, 4))));
        let own = "WINDROW_SHARD_INDEX=0 WINDROW_SHARD_COUNT=1";
        assert_eq!(of(&format!("{own} {mpi} RANK=5 WORLD_SIZE=8")), Ok(Some((0, 1))));
        assert_eq!(of("PMIX_RANK=3 SLURM_PROCID=3 SLURM_STEP_NUM_TASKS=4"), Ok(Some((3, 4))));
    }

    #[test]
    fn what_does_not_number_the_process_is_refused() {
        for (variables, expected) in [
            (
                "RANK=3",
                "RANK is \"3\"; allowed: a value together with WORLD_SIZE, which is not set",
            ),
            ("WORLD_SIZE=3", "WORLD_SIZE is \"3\"; allowed: a value together with RANK"),
            ("WINDROW_SHARD_INDEX=3", "together with WINDROW_SHARD_COUNT"),
            ("WINDROW_SHARD_COUNT=3 RANK=1 WORLD_SIZE=3", "together with WINDROW_SHARD_INDEX"),
            ("SLURM_STEP_NUM_TASKS=3", "together with SLURM_PROCID"),
            ("JOB_COMPLETION_INDEX=3", "set that variable to spec.completions"),
            ("PMIX_RANK=3", "together with WINDROW_SHARD_COUNT"),
            (
                "RANK=4 WORLD_SIZE=4",
                "RANK is \"4\"; allowed: an index below WORLD_SIZE, which is 4",
            ),
            ("RANK=0 WORLD_SIZE=0", "WORLD_SIZE is \"0\"; allowed: a count of at least 1"),
            ("RANK=-1 WORLD_SIZE=4", "RANK is \"-1\"; allowed: a whole number"),
            ("RANK=0 WORLD_SIZE=+4", "WORLD_SIZE is \"+4\""),
            ("PMI_RANK=0 PMI_SIZE=18446744073709551616", "below 2^64"),
            (BATCH, "start the program by `srun`"),
            ("SLURM_PROCID=0 SLURM_NTASKS=many", "SLURM_NTASKS is many"),
            (
                "RANK=0 WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=2 OMPI_COMM_WORLD_SIZE=4",
                "OMPI_COMM_WORLD_SIZE is \"4\"; allowed: at most WORLD_SIZE, which is 1; set WINDROW",
            ),
            (
                "JOB_COMPLETION_INDEX=1 WINDROW_SHARD_COUNT=2 RANK=3 WORLD_SIZE=4",
                "at most WINDROW_SHARD_COUNT, which is 2",
            ),
        ] {
            let message = of(variables).unwrap_err();
            assert!(message.contains(expected), "{variables}: {message}");
        }
    }
}

//! Checkpoints: the model, the optimiser and windrow's state, in one folder that is whole or absent.

use std::fs;
use std::path::PathBuf;

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use windrow::State;

use crate::Result;
use crate::model::Classifier;

/// The folder of all checkpoints.
pub struct Checkpoints(PathBuf);

/// The folder of one checkpoint.
pub struct Checkpoint(PathBuf);

impl Checkpoints {
    /// Opens the folder, and makes it unless it exists.
    pub fn in_folder(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// Returns the newest checkpoint.
    pub fn newest(&self) -> Result<Option<Checkpoint>> {
        let number = self.numbers()?.into_iter().max();
        Ok(number.map(|number| Checkpoint(self.path(number))))
    }

    /// Saves a checkpoint, and then removes the older ones.
    ///
    /// The files are written to a folder of another name, which is renamed when all are there. A
    /// process that is killed at any moment leaves the old checkpoint, the new one or both.
    pub fn save(
        &self,
        model: &Classifier,
        optimizer: &ModuleOptimizer,
        state: &State,
    ) -> Result<()> {
        let older = self.numbers()?;
        let unfinished = self.0.join("unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        fs::create_dir(&unfinished)?;
        let new = Checkpoint(unfinished);
        model.clone().save_file(new.model())?;
        optimizer.save(new.optimizer())?;
        fs::write(new.state_file(), state.to_json())?;
        // The files are on the disk before the name is, so that a power cut does no harm either.
        for file in [new.model(), new.optimizer(), new.state_file()] {
            fs::File::options().write(true).open(file)?.sync_all()?;
        }
        let number = older.iter().max().map_or(0, |newest| newest + 1);
        fs::rename(&new.0, self.path(number))?;
        for number in older {
            fs::remove_dir_all(self.path(number))?;
        }
        Ok(())
    }

    /// Returns the numbers of the checkpoints that are whole.
    fn numbers(&self) -> Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("checkpoint-"));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        Ok(numbers)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.0.join(format!("checkpoint-{number}"))
    }
}

impl Checkpoint {
    pub fn model(&self) -> PathBuf {
        self.0.join("model.bpk")
    }

    pub fn optimizer(&self) -> PathBuf {
        self.0.join("optimizer.bpk")
    }

    /// Reads windrow's state.
    pub fn state(&self) -> Result<State> {
        Ok(State::from_json(&fs::read_to_string(self.state_file())?)?)
    }

    fn state_file(&self) -> PathBuf {
        self.0.join("windrow.json")
    }
}

//! `attune.many/1`: the results of a command for several configurations.

use serde_json::value::RawValue;

json_types! {
    /// The results of a command for many configurations.
    pub struct ManyV1 = "attune.many/1" of(exit: u8, named: Vec<String>, runs: Vec<OneV1>) {
        /// The exit code of the command: the worst of all.
        exit: u8 = exit,
        /// The files and directories that the command line names; missing in files of earlier versions.
        named*: String = named,
        /// The result of each configuration, in the order of the arguments.
        runs: Vec<OneV1> = runs,
    }

    /// The result of a command for one configuration.
    pub struct OneV1 {
        /// The file.
        file: String,
        /// The exit code for this configuration.
        exit: u8,
        /// Why it failed; missing when it did not.
        error?: String,
        /// The result for this configuration: a plan, an outcome, a check or findings; missing when there is none.
        #[schemars(with = "Option<serde_json::Value>")]
        result?: Box<RawValue>,
        /// The name of the file beside this one that has the result (`attune plan --out DIR`); missing when the result is
        /// here.
        saved?: String,
    }
}

//! A function that is deployed: how it is configured, and where its code is.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use serde_json::Value;

use super::{configuration::Configuration, function::Function, process::Package, retries::Retries};

/// Where a function's code is.
#[derive(Debug, Clone)]
pub(super) enum Code {
    /// In this process. It belongs to those who registered it: a function holds the world that it runs in, so
    /// the world must not hold the function.
    Here(Weak<Function>),
    Package(Arc<Package>),
}

#[derive(Debug)]
pub(super) struct Deployed {
    pub(super) configuration: Arc<Configuration>,
    pub(super) code: Code,
    /// What becomes of asynchronous invocations that fail.
    pub(super) retries: Retries,
    /// Statement id to who else may invoke it.
    pub(super) permissions: BTreeMap<String, Value>,
}

impl Deployed {
    pub(super) fn is_there(&self) -> bool {
        match &self.code {
            Code::Here(function) => function.strong_count() > 0,
            Code::Package(_) => true,
        }
    }
}

//! Functions that tests and demos bring along are made known to Lambda.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Lambda,
    configuration::Configuration,
    deployed::{Code, Deployed},
    function::{Function, Program},
    names::Key,
    permissions,
    process::Package,
    retries::Retries,
};
use crate::World;

impl World {
    /// Registers a function of this process under a name. It is there for as long as the caller keeps it, and
    /// every service may invoke it.
    pub fn register(&self, account: &str, region: &str, name: &str, function: &Arc<Function>) {
        let key = [account, region, name].map(str::to_owned);
        let configuration = Configuration::in_process(&key, function, self.now());
        let code = Code::Here(Arc::downgrade(function));
        self.with_lambda(|lambda| lambda.deploy(key, configuration, code));
    }

    /// Registers a program as a function. Needs a world that is served over TCP ([`crate::server::serve`]), where
    /// the program finds its AWS.
    pub fn register_program(&self, account: &str, region: &str, program: &Program<'_>) {
        let key = [account, region, program.name].map(str::to_owned);
        let configuration = Configuration::of_program(&key, program, self.now());
        self.with_lambda(|lambda| {
            lambda.deploy(key, configuration, Code::Package(Arc::new(Package::of_program(program.path))));
        });
    }
}

impl Lambda {
    pub(super) fn deploy(&mut self, key: Key, configuration: Configuration, code: Code) {
        let any_service = permissions::any_service(&configuration.arn);
        let deployed = Deployed {
            configuration: Arc::new(configuration),
            code,
            retries: Retries::default(),
            permissions: BTreeMap::from([("any-service".to_owned(), any_service)]),
        };
        self.functions.insert(key, deployed);
    }
}

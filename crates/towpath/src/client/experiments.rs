//! Calls of the API about experiments.

use reqwest::{Method, header};
use towpath_server::api::types::{
    ChangeExperiment, DecideExperiment, EraseUnit, ExperimentList, ExperimentResults, ExperimentView, Reported,
    UnitErased,
};

use super::{Client, TIMEOUT, escape};
use crate::failure::Failure;

fn list_path(environment: &str) -> String {
    format!("/api/v1/environments/{}/experiments", escape(environment))
}

fn path(environment: &str, experiment: &str) -> String {
    format!("{}/{}", list_path(environment), escape(experiment))
}

impl Client {
    pub(crate) async fn experiments(&self, environment: &str) -> Result<ExperimentList, Failure> {
        self.get(&list_path(environment), &[]).await
    }

    pub(crate) async fn experiment(&self, environment: &str, name: &str) -> Result<ExperimentView, Failure> {
        self.get(&path(environment, name), &[]).await
    }

    pub(crate) async fn experiment_results(
        &self,
        environment: &str,
        name: &str,
        run: Option<u32>,
    ) -> Result<ExperimentResults, Failure> {
        let query: Vec<_> = run.iter().map(|run| ("run", run.to_string())).collect();
        self.get(&format!("{}/results", path(environment, name)), &query).await
    }

    /// Asks to `start` or `stop` an experiment.
    pub(crate) async fn change_experiment(
        &self,
        environment: &str,
        name: &str,
        verb: &str,
        body: &ChangeExperiment,
    ) -> Result<ExperimentView, Failure> {
        Ok(self.post(&format!("{}/{verb}", path(environment, name)), body).await?.1)
    }

    pub(crate) async fn decide_experiment(
        &self,
        environment: &str,
        name: &str,
        body: &DecideExperiment,
    ) -> Result<ExperimentView, Failure> {
        Ok(self.post(&format!("{}/decide", path(environment, name)), body).await?.1)
    }

    pub(crate) async fn erase_unit(&self, environment: &str, body: &EraseUnit) -> Result<UnitErased, Failure> {
        let path = format!("/api/v1/environments/{}/experiment-units/erase", escape(environment));
        Ok(self.post(&path, body).await?.1)
    }

    /// Reports `exposures` or `metric-events`, an item on each line.
    pub(crate) async fn report(&self, environment: &str, what: &str, lines: String) -> Result<Reported, Failure> {
        let path = format!("/api/v1/environments/{}/{what}", escape(environment));
        let request = self.request(Method::POST, &path).timeout(TIMEOUT);
        let request = request.header(header::CONTENT_TYPE, "application/x-ndjson").body(lines);
        let response = self.send(request, "nothing of this was kept").await?;
        self.json(response).await
    }
}

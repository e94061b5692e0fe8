//! One function for each call of the API.

use std::path::Path;

use jiff::Timestamp;
use reqwest::{Body, Method, StatusCode};
use towpath_core::ids::Digest;
use towpath_server::api::types::{
    ApproveRequest, BlobStored, BlobsMissing, BlobsWanted, CheckpointView, ConfirmRequest, CreatePromotion,
    CreateRelease, DeploymentView, Dora, EnvironmentView, EventView, InstanceList, Logs, OverlayChanged, OverlayView,
    Page, PromotionPlan, PromotionView, RejectRequest, ReleaseView, RollbackPlan, RollbackRequest, RolloutRequest,
    RolloutView, SetOverlay, Status,
};

use super::{Client, TIMEOUT, escape, with_query};
use crate::{failure::Failure, folder::unreadable};

/// How many blobs are asked about at once.
const DIGESTS_AT_ONCE: usize = 10_000;
/// The largest page the server gives.
const PAGE: usize = 100;

/// Which events to print.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventQuery {
    /// Names and values of the query.
    pub filters: Vec<(&'static str, String)>,
    /// How many at most.
    pub limit: usize,
    /// Before this nothing is looked for; what comes is newest first.
    pub since: Option<Timestamp>,
}

fn overlay_path(name: &str) -> String {
    format!("/api/v1/environments/{}/overlay", escape(name))
}

impl Client {
    pub(crate) async fn status(&self) -> Result<Status, Failure> {
        self.get("/api/v1/status", &[]).await
    }

    pub(crate) async fn environment(&self, name: &str) -> Result<EnvironmentView, Failure> {
        self.get(&format!("/api/v1/environments/{}", escape(name)), &[]).await
    }

    pub(crate) async fn instances(&self, name: &str) -> Result<InstanceList, Failure> {
        self.get(&format!("/api/v1/environments/{}/instances", escape(name)), &[]).await
    }

    pub(crate) async fn history(&self, name: &str, limit: usize) -> Result<Vec<DeploymentView>, Failure> {
        self.pages(&format!("/api/v1/environments/{}/history", escape(name)), &[], limit).await
    }

    pub(crate) async fn overlay(&self, name: &str) -> Result<OverlayView, Failure> {
        self.get(&overlay_path(name), &[]).await
    }

    pub(crate) async fn set_overlay(&self, name: &str, body: &SetOverlay) -> Result<OverlayChanged, Failure> {
        let request = self.request(Method::PUT, &overlay_path(name)).timeout(TIMEOUT).json(body);
        let response = self.send(request, "nothing was changed").await?;
        self.json(response).await
    }

    /// Takes keys off the overlay; how is as with setting.
    pub(crate) async fn unset_overlay(
        &self,
        name: &str,
        keys: &[String],
        how: &SetOverlay,
    ) -> Result<OverlayChanged, Failure> {
        let mut query: Vec<(&str, String)> = keys.iter().map(|key| ("key", key.clone())).collect();
        query.extend(how.reason.iter().map(|reason| ("reason", reason.clone())));
        query.extend(how.confirm.iter().map(|confirm| ("confirm", confirm.clone())));
        query.extend(how.plan.iter().map(|plan| ("plan", plan.clone())));
        query.push(("recordOnly", how.record_only.to_string()));
        query.push(("dryRun", how.dry_run.to_string()));
        let request = self.request(Method::DELETE, &with_query(&overlay_path(name), &query)).timeout(TIMEOUT);
        let response = self.send(request, "nothing was changed").await?;
        self.json(response).await
    }

    pub(crate) async fn logs(&self, name: &str, query: &[(&str, String)]) -> Result<Logs, Failure> {
        self.get(&format!("/api/v1/environments/{}/logs", escape(name)), query).await
    }

    pub(crate) async fn rollout(&self, name: &str, revision: Option<u64>) -> Result<RolloutView, Failure> {
        let query: Vec<_> = revision.iter().map(|revision| ("revision", revision.to_string())).collect();
        self.get(&format!("/api/v1/environments/{}/rollout", escape(name)), &query).await
    }

    /// Asks to `pause`, `resume`, `promote` or `abort` the rollout.
    pub(crate) async fn steer(&self, name: &str, verb: &str, body: &RolloutRequest) -> Result<RolloutView, Failure> {
        let path = format!("/api/v1/environments/{}/rollout/{verb}", escape(name));
        Ok(self.post(&path, body).await?.1)
    }

    pub(crate) async fn roll_back(&self, name: &str, body: &RollbackRequest) -> Result<RolloutView, Failure> {
        Ok(self.post(&format!("/api/v1/environments/{}/rollback", escape(name)), body).await?.1)
    }

    pub(crate) async fn plan_rollback(&self, name: &str, body: &RollbackRequest) -> Result<RollbackPlan, Failure> {
        Ok(self.post(&format!("/api/v1/environments/{}/rollback", escape(name)), body).await?.1)
    }

    pub(crate) async fn releases(&self, limit: usize) -> Result<Vec<ReleaseView>, Failure> {
        self.pages("/api/v1/releases", &[], limit).await
    }

    pub(crate) async fn release(&self, number: u64) -> Result<ReleaseView, Failure> {
        self.get(&format!("/api/v1/releases/{number}"), &[]).await
    }

    /// Makes a release; says whether it is new.
    pub(crate) async fn create_release(&self, body: &CreateRelease) -> Result<(bool, ReleaseView), Failure> {
        let (status, release) = self.post("/api/v1/releases", body).await?;
        Ok((status == StatusCode::CREATED, release))
    }

    /// Returns which of these blobs the server lacks.
    pub(crate) async fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, Failure> {
        let mut missing = Vec::new();
        for digests in digests.chunks(DIGESTS_AT_ONCE) {
            let wanted = BlobsWanted { digests: digests.iter().map(ToString::to_string).collect() };
            let (_, answer): (_, BlobsMissing) = self.post("/api/v1/blobs/missing", &wanted).await?;
            missing.extend(answer.missing.iter().filter_map(|digest| digest.parse::<Digest>().ok()));
        }
        Ok(missing)
    }

    /// Uploads bytes as a blob.
    pub(crate) async fn upload(&self, digest: &Digest, bytes: Vec<u8>) -> Result<BlobStored, Failure> {
        self.put_blob(digest, Body::from(bytes)).await
    }

    /// Uploads a file as a blob.
    pub(crate) async fn upload_file(&self, digest: &Digest, path: &Path) -> Result<BlobStored, Failure> {
        let file = tokio::fs::File::open(path).await.map_err(|error| unreadable(path, &error))?;
        self.put_blob(digest, Body::wrap_stream(tokio_util::io::ReaderStream::with_capacity(file, 256 * 1024))).await
    }

    async fn put_blob(&self, digest: &Digest, body: Body) -> Result<BlobStored, Failure> {
        let request = self.request(Method::PUT, &format!("/api/v1/blobs/{digest}")).body(body);
        let response =
            self.send(request, "no release was made; what was uploaded is kept and not uploaded again").await?;
        self.json(response).await
    }

    pub(crate) async fn plan_promotion(&self, body: &CreatePromotion) -> Result<PromotionPlan, Failure> {
        Ok(self.post("/api/v1/promotions", body).await?.1)
    }

    /// Asks for a promotion; says whether the request is new.
    pub(crate) async fn promote(&self, body: &CreatePromotion) -> Result<(bool, PromotionView), Failure> {
        let (status, promotion) = self.post("/api/v1/promotions", body).await?;
        Ok((status == StatusCode::CREATED, promotion))
    }

    pub(crate) async fn promotion(&self, number: u64) -> Result<PromotionView, Failure> {
        self.get(&format!("/api/v1/promotions/{number}"), &[]).await
    }

    pub(crate) async fn approve(&self, number: u64, body: &ApproveRequest) -> Result<PromotionView, Failure> {
        Ok(self.post(&format!("/api/v1/promotions/{number}/approve"), body).await?.1)
    }

    pub(crate) async fn reject(&self, number: u64, body: &RejectRequest) -> Result<PromotionView, Failure> {
        Ok(self.post(&format!("/api/v1/promotions/{number}/reject"), body).await?.1)
    }

    pub(crate) async fn confirm(&self, number: u64, body: &ConfirmRequest) -> Result<PromotionView, Failure> {
        Ok(self.post(&format!("/api/v1/promotions/{number}/confirm"), body).await?.1)
    }

    pub(crate) async fn events(&self, query: &EventQuery) -> Result<Vec<EventView>, Failure> {
        let since = query.since;
        let enough = |event: &EventView| since.is_some_and(|since| event.at < since);
        self.pages_until("/api/v1/events", &query.filters, query.limit, enough).await
    }

    pub(crate) async fn checkpoint(&self) -> Result<CheckpointView, Failure> {
        self.get("/api/v1/audit/checkpoint", &[]).await
    }

    pub(crate) async fn dora(&self, days: u32) -> Result<Dora, Failure> {
        self.get("/api/v1/metrics/dora", &[("days", days.to_string())]).await
    }

    /// Reads pages until there are enough items.
    async fn pages<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        filters: &[(&str, String)],
        limit: usize,
    ) -> Result<Vec<T>, Failure> {
        self.pages_until(path, filters, limit, |_| false).await
    }

    /// Reads pages until there are enough items, or one of them says so.
    async fn pages_until<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        filters: &[(&str, String)],
        limit: usize,
        enough: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>, Failure> {
        let mut items = Vec::new();
        let mut after = None;
        loop {
            let wanted = limit.saturating_sub(items.len()).min(PAGE);
            if wanted == 0 {
                return Ok(items);
            }
            let mut query = filters.to_vec();
            query.push(("limit", wanted.to_string()));
            query.extend(after.take().map(|after| ("after", after)));
            let page: Page<T> = self.get(path, &query).await?;
            items.extend(page.items);
            match page.next {
                Some(next) if !items.last().is_some_and(&enough) => after = Some(next),
                Some(_) | None => return Ok(items),
            }
        }
    }
}

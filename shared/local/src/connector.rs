//! The in-process way from the SDK clients to the world.

use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::{Lost, World};

impl HttpClient for World {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for World {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let world = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            // As on a network, others get their turn meanwhile: invocations at once interleave call by call.
            tokio::task::yield_now().await;
            let (head, body) = request.into_parts();
            let body = body.bytes().map(Bytes::copy_from_slice).ok_or_else(|| {
                ConnectorError::user("the embedded AWS takes no streamed request bodies".into())
            })?;
            match world.handle(http::Request::from_parts(head, body)).await {
                Ok(response) => response.map(SdkBody::from).try_into().map_err(
                    |error: aws_smithy_runtime_api::http::HttpError| {
                        ConnectorError::other(error.into(), None)
                    },
                ),
                Err(lost @ Lost::Timeout) => Err(ConnectorError::timeout(lost.into())),
                Err(lost @ Lost::Reset) => Err(ConnectorError::io(lost.into())),
            }
        })
    }
}

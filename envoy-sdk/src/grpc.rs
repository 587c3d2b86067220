//! What gRPC makes of an answer.

/// Whether a request of this `content-type` is answered by Envoy in gRPC: with status 200, and its own in a header.
pub(crate) fn is_grpc(content_type: &[u8]) -> bool {
    let rest = content_type.strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+"))
}

/// The status of gRPC for one of HTTP, as gRPC itself maps it. A success has none: what it means is its sender's to say.
pub(crate) fn status_of(http: u32) -> Option<&'static str> {
    Some(match http {
        200..300 => return None,
        400 => "13",                   // INTERNAL
        401 => "16",                   // UNAUTHENTICATED
        403 => "7",                    // PERMISSION_DENIED
        404 => "12",                   // UNIMPLEMENTED
        429 | 502 | 503 | 504 => "14", // UNAVAILABLE
        _ => "2",                      // UNKNOWN
    })
}

#[cfg(test)]
mod tests {
    use super::{is_grpc, status_of};

    #[test]
    fn types_of_grpc() {
        for grpc in ["application/grpc", "application/grpc+proto"] {
            assert!(is_grpc(grpc.as_bytes()), "{grpc}");
        }
        for other in [
            "",
            "application/json",
            "application/grpc-web",
            "application/grpcs",
        ] {
            assert!(!is_grpc(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn no_refusal_is_a_success() {
        for status in (100..200).chain(300..600) {
            assert!(
                status_of(status).is_some_and(|grpc| grpc != "0"),
                "{status}"
            );
        }
        assert_eq!(status_of(200), None);
    }
}

//! What a service's host tells, and how requests name the bucket in it.

use super::S3Address;
use super::settings::Style;

/// The region of services that know no regions.
pub const USUAL_REGION: &str = "us-east-1";

/// Whether Amazon serves this host.
pub fn is_amazon(host: &str) -> bool {
    host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn")
}

/// Whether requests name the bucket in the host.
pub fn is_virtual(address: &S3Address, style: Style) -> bool {
    match style {
        Style::Auto => is_amazon(address.host()) && !address.bucket.contains('.'),
        Style::Path => false,
        Style::Virtual => true,
    }
}

/// The URL of the bucket itself.
pub fn bucket_url(address: &S3Address, virtual_host: bool) -> String {
    match address.endpoint.split_once("://") {
        Some((scheme, host)) if virtual_host => format!("{scheme}://{}.{host}/", address.bucket),
        _ => format!("{}/{}", address.endpoint, address.bucket),
    }
}

/// The region in hosts such as `s3.eu-central-1.amazonaws.com`.
pub fn region_in_host(host: &str) -> Option<String> {
    let name = host.strip_suffix(".amazonaws.com.cn").or_else(|| host.strip_suffix(".amazonaws.com"))?;
    let region = name.strip_prefix("s3.dualstack.").or_else(|| name.strip_prefix("s3."));
    let region = region.or_else(|| name.strip_prefix("s3-"))?;
    (!region.is_empty() && !region.contains('.')).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(endpoint: &str, bucket: &str) -> S3Address {
        S3Address { endpoint: endpoint.to_owned(), bucket: bucket.to_owned(), prefix: String::new() }
    }

    #[test]
    fn amazon_has_buckets_in_the_host_and_others_in_the_path() {
        let amazon = address("https://s3.amazonaws.com", "bucket");
        assert!(is_virtual(&amazon, Style::Auto));
        assert!(!is_virtual(&amazon, Style::Path));
        assert!(!is_virtual(&address("https://s3.amazonaws.com", "my.bucket"), Style::Auto));
        let own = address("http://host:9000", "bucket");
        assert!(!is_virtual(&own, Style::Auto));
        assert!(is_virtual(&own, Style::Virtual));
        assert_eq!(bucket_url(&amazon, true), "https://bucket.s3.amazonaws.com/");
        assert_eq!(bucket_url(&own, false), "http://host:9000/bucket");
    }

    #[test]
    fn hosts_name_their_region() {
        for (host, region) in [
            ("s3.eu-central-1.amazonaws.com", Some("eu-central-1")),
            ("s3-us-west-2.amazonaws.com", Some("us-west-2")),
            ("s3.dualstack.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("s3.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("s3.amazonaws.com", None),
            ("s3.example.com", None),
        ] {
            assert_eq!(region_in_host(host).as_deref(), region, "{host}");
        }
    }
}

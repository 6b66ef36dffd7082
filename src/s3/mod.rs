//! The S3 service of a cluster: keys, signed requests, and the only requests that attune ever sends to it.
//!
//! Every request is one of the table in `harmless`: it asks whether something is allowed and cannot do it. The type [`S3Request`]
//! can be made nowhere else.

mod answer;
mod client;
mod endpoint;
mod harmless;
mod keys;
mod names;
mod request;
mod service;

pub use answer::{Class, Failing, S3Answer, Version};
pub use client::{S3Client, S3Options, S3Problem};
pub use endpoint::S3Endpoint;
pub use harmless::{
    Ask, Kind, OTHER_ADDRESS, ROWS, ROWS_OF_RULES, Row, Step, contents, from_other_address, is_object_there, is_there,
    list_of_buckets, put_back, setting, take_bucket_away, take_object_away, versions,
};
pub use keys::{AwsFiles, KeysProblem, S3Keys};
pub use names::{BucketAt, KeyAt, Token, bucket_beside, bucket_within, key_behind_slash, key_beside, key_within};
pub use request::S3Request;
pub use service::{Manners, Pace, Service};

//! Generates the gateway from `proto/gateway.proto`.

fn main() -> std::io::Result<()> {
    tonic_prost_build::configure().bytes(".").compile_protos(&["proto/gateway.proto"], &["proto"])
}

//! Generates the workers' protocol from `proto/`.

fn main() -> std::io::Result<()> {
    tonic_prost_build::configure().compile_protos(&["proto/worker.proto", "proto/money.proto"], &["proto"])
}

//! Generates the signer's protocol from `proto/signer.proto`.

fn main() -> std::io::Result<()> {
    tonic_prost_build::configure().compile_protos(&["proto/signer.proto"], &["proto"])
}

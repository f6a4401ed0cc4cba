//! Generates the gateway from `proto/gateway.proto`.

fn main() -> std::io::Result<()> {
    tonic_prost_build::configure()
        .bytes(".")
        .codec_path("crate::codec::GatewayCodec")
        .compile_protos(&["proto/gateway.proto"], &["proto"])
}

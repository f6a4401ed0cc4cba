//! Generates the doors for programs from `proto/`.

fn main() -> std::io::Result<()> {
    tonic_prost_build::configure()
        .bytes(".")
        .codec_path("crate::codec::GatewayCodec")
        // Written by hand, so that events which were encoded once are sent to everyone as they are.
        .extern_path(".exchequer.events.v1.Told", "crate::events::wire::Told")
        .compile_protos(&["proto/gateway.proto", "proto/events.proto"], &["proto"])
}

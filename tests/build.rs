//! Generates the client of the store that the product is measured beside.

fn main() -> std::io::Result<()> {
    tonic_prost_build::configure().build_server(false).bytes(".").compile_protos(&["proto/etcd.proto"], &["proto"])
}

//! How messages of the gateway become bytes: as everywhere in gRPC, with buffers of the size that they need.
//!
//! The default buffers of 8 KiB are made and freed twice a request, which costs more than encoding what is in them.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::{ProstDecoder, ProstEncoder};

/// A buffer to begin with; a single command and its outcome fit.
const BUFFER_BYTES: usize = 512;
/// What is written at once, as in the default.
const YIELD_BYTES: usize = 32 << 10;

/// The gateway's codec.
#[derive(Debug)]
pub(crate) struct GatewayCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for GatewayCodec<T, U> {
    fn default() -> GatewayCodec<T, U> {
        GatewayCodec(PhantomData)
    }
}

impl<T, U> Codec for GatewayCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> ProstEncoder<T> {
        ProstEncoder::new(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES))
    }

    fn decoder(&mut self) -> ProstDecoder<U> {
        ProstDecoder::new(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES))
    }
}

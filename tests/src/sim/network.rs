//! The network seam over turmoil: addresses are `host:port` with turmoil's host names.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
};

use raft::seam::{BoxedIo, Listener, Network};

/// Sockets of the simulated network.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimNetwork;

#[async_trait::async_trait]
impl Network for SimNetwork {
    async fn connect(&self, address: &str) -> io::Result<BoxedIo> {
        let (host, port) = split(address)?;
        Ok(Box::new(turmoil::net::TcpStream::connect((host, port)).await?))
    }

    async fn listen(&self, address: &str) -> io::Result<Box<dyn Listener>> {
        let (_, port) = split(address)?;
        let inner = turmoil::net::TcpListener::bind((IpAddr::from(Ipv4Addr::UNSPECIFIED), port)).await?;
        Ok(Box::new(SimListener { inner, local: address.to_owned() }))
    }
}

struct SimListener {
    inner: turmoil::net::TcpListener,
    local: String,
}

#[async_trait::async_trait]
impl Listener for SimListener {
    async fn accept(&mut self) -> io::Result<(BoxedIo, String)> {
        let (stream, from) = self.inner.accept().await?;
        Ok((Box::new(stream), from.to_string()))
    }

    fn local(&self) -> String {
        self.local.clone()
    }
}

fn split(address: &str) -> io::Result<(&str, u16)> {
    let (host, port) = address.rsplit_once(':').ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "an address is host:port"))?;
    let port = port.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a port is a number"))?;
    Ok((host, port))
}

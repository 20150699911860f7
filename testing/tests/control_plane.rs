//! The control plane for tests: that it answers, and that nothing of it is left behind.

use std::fs;
use std::net::TcpStream;

use testing::ControlPlane;

#[test]
fn control_plane_ends_when_it_is_dropped() {
    let Some(plane) = ControlPlane::start() else { return };
    let kubeconfig = fs::read_to_string(plane.kubeconfig()).unwrap();
    let (_, address) = kubeconfig.split_once("https://").unwrap();
    let address = address.split('"').next().unwrap().to_owned();
    assert!(TcpStream::connect(&address).is_ok(), "{address}");
    let folder = plane.kubeconfig().parent().unwrap().to_path_buf();
    drop(plane);
    assert!(TcpStream::connect(&address).is_err(), "{address} still answers");
    assert!(!folder.exists(), "{} is left behind", folder.display());
}

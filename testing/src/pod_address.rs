//! Addresses of pods that are processes on this machine: [`PodAddress`] says the API server's proxy where to find them.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// An address in 10.244.0.0/16, taken until this is dropped. Only the API server's proxy knows the way to it.
#[derive(Debug)]
pub struct PodAddress {
    ip: Ipv4Addr,
    /// One file for each port that is listened on.
    folder: PathBuf,
}

impl PodAddress {
    pub(crate) fn take(routes: &Path) -> Self {
        // Who makes the folder has the address, among all processes that use the control plane.
        for number in 1..=u16::MAX {
            let [high, low] = number.to_be_bytes();
            let ip = Ipv4Addr::new(10, 244, high, low);
            let folder = routes.join(ip.to_string());
            match fs::create_dir(&folder) {
                Ok(()) => return Self { ip, folder },
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("no route can be made in `{}`: {error}", routes.display()),
            }
        }
        panic!("all pod addresses are taken");
    }

    /// For the pod's `status.podIP`.
    #[must_use]
    pub fn ip(&self) -> Ipv4Addr {
        self.ip
    }

    /// From now on connections to `port` of the pod go to `local` on 127.0.0.1.
    ///
    /// # Panics
    /// Where the control plane has ended.
    pub fn route(&self, port: u16, local: u16) {
        fs::write(self.folder.join(port.to_string()), local.to_string()).expect("the control plane runs");
    }

    /// From now on connections to `port` of the pod are refused, and those that there are carry no more requests.
    ///
    /// # Panics
    /// Where there was no route.
    pub fn cut(&self, port: u16) {
        fs::remove_file(self.folder.join(port.to_string())).expect("there was a route");
    }
}

impl Drop for PodAddress {
    fn drop(&mut self) {
        // The control plane may have ended before, and has then removed it.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

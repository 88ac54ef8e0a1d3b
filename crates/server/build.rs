//! Makes sure that the folder of the built web UI exists: without it the server can't embed it, and a backend
//! developer need not have built it.

fn main() {
    let folder = std::path::Path::new("../../web-ui/dist");
    if let Err(error) = std::fs::create_dir_all(folder) {
        println!("cargo::warning=the folder of the web UI can't be made: {error}");
    }
    println!("cargo::rerun-if-changed=../../web-ui/dist");
}

fn main() {
    println!("dumpcar {}", env!("CARGO_PKG_VERSION"));
}

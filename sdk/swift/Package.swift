// swift-tools-version:5.9
import PackageDescription

// The library. On a Mac the XCFramework that deploy/mobile/ios makes, copied beside this file; elsewhere the library that
// `cargo build` has made, found by the linker (`swift build -Xlinker -L../../target/debug`).
#if os(macOS)
let library: Target = .binaryTarget(name: "usher_ffiFFI", path: "UsherFlagsFFI.xcframework")
#else
let library: Target = .target(name: "usher_ffiFFI", linkerSettings: [.linkedLibrary("usher_ffi")])
#endif

let package = Package(
    name: "UsherFlags",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [.library(name: "UsherFlags", targets: ["UsherFlags"])],
    targets: [
        library,
        // By UniFFI, from the library; see README.md.
        .target(name: "UsherFlagsFFI", dependencies: ["usher_ffiFFI"]),
        .target(name: "UsherFlags", dependencies: ["UsherFlagsFFI"]),
    ]
)

// swift-tools-version: 6.2
import PackageDescription

// Set HEROPROC_STRICT=1 (CI does) to turn every warning of our own code into an error.
let strict = Context.environment["HEROPROC_STRICT"] == "1"
// Set HEROPROC_DYNAMIC_SHIM=1 for sanitizer builds: they cannot link a static executable.
let dynamicShim = Context.environment["HEROPROC_DYNAMIC_SHIM"] == "1"

let house: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (strict ? [.treatAllWarnings(as: .error)] : [])

/// What compiles the failpoints in: debug builds only (docs/decisions/0025-failpoints.md).
let points: [CSetting] = [.define("FAILPOINTS", .when(configuration: .debug))]

let package = Package(
    name: "heroproc",
    products: [
        .executable(name: "heroproc", targets: ["heroproc"]),
        .executable(name: "hpshim", targets: ["hpshim"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // The pure core: values in, values out.
        .target(name: "HeroModel", swiftSettings: house),
        .target(name: "HeroManifest", dependencies: ["HeroModel", "CLibYAML"], swiftSettings: house),
        .target(name: "HeroPlan", dependencies: ["HeroModel"], swiftSettings: house),
        .target(name: "HeroLife", dependencies: ["HeroModel"], swiftSettings: house),
        .target(name: "HeroView", dependencies: ["HeroModel", "HeroPlan"], swiftSettings: house),

        // The shell around it.
        .target(name: "HeroKernel", dependencies: ["HeroModel"], swiftSettings: house),
        .target(
            name: "HeroLinux",
            dependencies: [
                "HeroKernel", "HeroModel", "CHeroLinux", "CHeroRecord", "CHeroFailpoints",
            ],
            cSettings: points,
            swiftSettings: house
        ),
        .target(name: "HeroSim", dependencies: ["HeroKernel", "HeroModel"], swiftSettings: house),
        .target(
            name: "HeroStore",
            dependencies: [
                "HeroModel", "CHeroFailpoints", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            cSettings: points,
            swiftSettings: house
        ),
        .target(
            name: "HeroReconciler",
            dependencies: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroLife", "HeroKernel", "HeroStore", "CHeroFailpoints",
            ],
            cSettings: points,
            swiftSettings: house
        ),

        .target(
            name: "HeroTrials",
            dependencies: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroKernel", "HeroStore", "HeroReconciler", "HeroSim",
            ],
            swiftSettings: house
        ),

        // Texts that nobody means, and the promises that reading them must keep.
        .target(name: "HeroFuzz", dependencies: ["HeroModel", "HeroManifest"], swiftSettings: house),

        // The programs.
        .executableTarget(
            name: "heroproc",
            dependencies: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroLife", "HeroKernel", "HeroLinux", "HeroStore",
                "HeroReconciler", "HeroView",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: house + [.unsafeFlags(["-static-stdlib"])],
            linkerSettings: [.unsafeFlags(["-static-stdlib"])]
        ),
        .executableTarget(
            name: "hpsim",
            dependencies: [
                "HeroTrials", "HeroPlan", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: house
        ),
        .executableTarget(
            name: "hpfuzz",
            dependencies: ["HeroFuzz", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: house
        ),
        .executableTarget(
            name: "hpshim",
            dependencies: ["CHeroShim", "CHeroRecord", "CHeroFailpoints"],
            cSettings: points,
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .enableExperimentalFeature("Embedded"),
                .unsafeFlags(["-wmo", "-Osize"]),
            ],
            linkerSettings: dynamicShim ? [] : [.unsafeFlags(["-Xclang-linker", "-static"])]
        ),

        .executableTarget(
            name: "hpbench",
            dependencies: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroFuzz", "HeroStore", "HeroLinux", "CHeroLinux", "CLibYAML",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: house
        ),
        // The program that hpbench has supervised: pure C; the flags only keep Swift's runtime out of its link.
        .executableTarget(
            name: "hpbenchload",
            linkerSettings: [
                .unsafeFlags(["-enable-experimental-feature", "Embedded"]),
                .unsafeFlags(dynamicShim ? [] : ["-Xclang-linker", "-static"]),
            ]
        ),

        // What Swift cannot call, or must not run between fork and exec.
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .target(name: "CHeroRecord"),
        .target(name: "CHeroFailpoints", cSettings: points),
        .target(
            name: "CHeroShim",
            dependencies: ["CHeroRecord", "CHeroFailpoints"],
            cSettings: points + [.unsafeFlags(["-Os"])]
        ),
        .target(name: "CHeroLinux", dependencies: ["CHeroRecord", "CHeroFailpoints"], cSettings: points),

        // The tests, and what judges the JSON of several of them.
        .target(name: "SchemaJudge", path: "Tests/SchemaJudge", swiftSettings: house),
        // What test targets share: processes as `/proc` shows them, and how long a test with a long form takes.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: house),
        .testTarget(name: "ArchitectureTests", swiftSettings: house),
        .testTarget(name: "HeroModelTests", dependencies: ["HeroModel"], swiftSettings: house),
        .testTarget(name: "HeroLifeTests", dependencies: ["HeroLife", "HeroModel"], swiftSettings: house),
        .testTarget(
            name: "HeroReconcilerTests",
            dependencies: [
                "HeroReconciler", "HeroKernel", "HeroManifest", "HeroModel", "HeroPlan", "HeroSim", "HeroStore",
            ],
            swiftSettings: house
        ),
        .testTarget(name: "FuzzTests", dependencies: ["HeroFuzz"], swiftSettings: house),
        .testTarget(name: "SimulationTests", dependencies: ["HeroTrials"], swiftSettings: house),
        .testTarget(
            name: "HeroManifestTests",
            dependencies: ["HeroManifest", "HeroModel", "HeroView", "HeroFuzz", "SchemaJudge"],
            exclude: ["Cases", "Examples"],
            swiftSettings: house
        ),
        .testTarget(
            name: "HeroPlanTests",
            dependencies: ["HeroPlan", "HeroModel", "HeroView", "HeroTrials", "HeroSim"],
            exclude: ["Cases"],
            swiftSettings: house
        ),
        .testTarget(
            name: "HeroViewTests",
            dependencies: ["HeroView", "HeroModel", "HeroPlan", "SchemaJudge"],
            exclude: ["Goldens"],
            swiftSettings: house
        ),
        .testTarget(
            name: "HeroStoreTests",
            dependencies: ["HeroStore", "HeroModel", "TestSupport", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: house
        ),
        .testTarget(
            name: "HeroLinuxTests",
            dependencies: ["HeroLinux", "HeroKernel", "HeroModel", "CHeroLinux", "CHeroRecord"],
            swiftSettings: house
        ),
        // The workload that judges heroproc; as small as a service can be, so that it costs nothing to start many.
        .executableTarget(
            name: "hporacle",
            path: "Tests/Oracle",
            linkerSettings: [.unsafeFlags(["-enable-experimental-feature", "Embedded"])]
                + (dynamicShim ? [] : [.unsafeFlags(["-Xclang-linker", "-static"])])
        ),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "CHeroRecord", "HeroLinux", "HeroModel", "TestSupport", .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: house
        ),
        .target(name: "ShimHarness", path: "Tests/ShimHarness"),
        .testTarget(
            name: "HPShimTests",
            dependencies: ["CHeroRecord", "ShimHarness", "TestSupport"],
            swiftSettings: house
        ),
        // Real processes; heroproc and hpshim are built beside the tests.
        .testTarget(
            name: "CommandLineTests",
            dependencies: ["HeroLinux", "HeroModel", "SchemaJudge", "TestSupport"],
            swiftSettings: house
        ),
    ]
)

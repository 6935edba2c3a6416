// swift-tools-version: 6.2
import PackageDescription

// Set HEROPROC_STRICT=1 (CI does) to turn every warning of our own code into an error.
let strict = Context.environment["HEROPROC_STRICT"] == "1"
// Set HEROPROC_DYNAMIC_SHIM=1 for sanitizer builds: they cannot link a static executable.
let dynamicShim = Context.environment["HEROPROC_DYNAMIC_SHIM"] == "1"

let commonSettings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (strict ? [.treatAllWarnings(as: .error)] : [])

/// What compiles the failpoints in: debug builds only (docs/decisions/0025-failpoints.md).
let failpointSettings: [CSetting] = [.define("FAILPOINTS", .when(configuration: .debug))]

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
        .target(name: "HeroSchedule", swiftSettings: commonSettings),
        .target(name: "HeroPattern", swiftSettings: commonSettings),
        .target(name: "HeroModel", dependencies: ["HeroSchedule"], swiftSettings: commonSettings),
        .target(
            name: "HeroManifest",
            dependencies: ["HeroModel", "HeroSchedule", "HeroPattern", "CLibYAML"],
            swiftSettings: commonSettings
        ),
        .target(name: "HeroPlan", dependencies: ["HeroModel"], swiftSettings: commonSettings),
        .target(name: "HeroLifecycle", dependencies: ["HeroModel", "HeroSchedule"], swiftSettings: commonSettings),
        .target(name: "HeroView", dependencies: ["HeroModel", "HeroPlan"], swiftSettings: commonSettings),

        // The shell around it.
        .target(name: "HeroKernel", dependencies: ["HeroModel", "HeroSchedule"], swiftSettings: commonSettings),
        .target(
            name: "HeroLinux",
            dependencies: [
                "HeroKernel", "HeroModel", "HeroSchedule", "HeroPattern", "CHeroLinux", "CHeroRecord",
                "CHeroFailpoints",
            ],
            cSettings: failpointSettings,
            swiftSettings: commonSettings
        ),
        .target(name: "HeroGit", dependencies: ["HeroLinux", "HeroModel"], swiftSettings: commonSettings),
        .target(
            name: "HeroStore",
            dependencies: [
                "HeroModel", "CHeroFailpoints", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            cSettings: failpointSettings,
            swiftSettings: commonSettings
        ),
        .target(
            name: "HeroReconciler",
            dependencies: [
                "HeroModel", "HeroSchedule", "HeroManifest", "HeroPlan", "HeroLifecycle", "HeroKernel", "HeroStore",
                "CHeroFailpoints",
            ],
            cSettings: failpointSettings,
            swiftSettings: commonSettings
        ),

        // The programs.
        .executableTarget(
            name: "heroproc",
            dependencies: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroLifecycle", "HeroKernel", "HeroLinux", "HeroGit",
                "HeroStore",
                "HeroReconciler", "HeroView",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: commonSettings + [.unsafeFlags(["-static-stdlib"])],
            linkerSettings: [.unsafeFlags(["-static-stdlib"])]
        ),
        .executableTarget(
            name: "hpshim",
            dependencies: ["CHeroShim", "CHeroRecord", "CHeroFailpoints"],
            cSettings: failpointSettings,
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .enableExperimentalFeature("Embedded"),
                .unsafeFlags(["-wmo", "-Osize"]),
            ],
            linkerSettings: dynamicShim ? [] : [.unsafeFlags(["-Xclang-linker", "-static"])]
        ),

        // What only develops and tests the product.
        .target(
            name: "HeroSim",
            dependencies: ["HeroKernel", "HeroModel", "HeroSchedule"],
            path: "Sources/Development/HeroSim",
            swiftSettings: commonSettings
        ),
        .target(
            name: "HeroSimulation",
            dependencies: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroKernel", "HeroStore", "HeroReconciler", "HeroSim",
            ],
            path: "Sources/Development/HeroSimulation",
            swiftSettings: commonSettings
        ),
        .target(
            name: "HeroFuzz",
            dependencies: ["HeroModel", "HeroSchedule", "HeroManifest"],
            path: "Sources/Development/HeroFuzz",
            swiftSettings: commonSettings
        ),
        .executableTarget(
            name: "hpsim",
            dependencies: [
                "HeroSimulation", "HeroPlan", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/Development/hpsim",
            swiftSettings: commonSettings
        ),
        .executableTarget(
            name: "hpfuzz",
            dependencies: ["HeroFuzz", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Sources/Development/hpfuzz",
            swiftSettings: commonSettings
        ),
        .executableTarget(
            name: "hpbench",
            dependencies: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroFuzz", "HeroStore", "HeroLinux", "CHeroLinux", "CLibYAML",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/Development/hpbench",
            swiftSettings: commonSettings
        ),
        // The program that hpbench starts many times: pure C. The flags keep the Swift runtime out of its link.
        .executableTarget(
            name: "hpbenchload",
            path: "Sources/Development/hpbenchload",
            linkerSettings: [
                .unsafeFlags(["-enable-experimental-feature", "Embedded"]),
                .unsafeFlags(dynamicShim ? [] : ["-Xclang-linker", "-static"]),
            ]
        ),

        // What Swift cannot call, or must not run between fork and exec.
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .target(name: "CHeroRecord"),
        .target(name: "CHeroFailpoints", cSettings: failpointSettings),
        .target(
            name: "CHeroShim",
            dependencies: ["CHeroRecord", "CHeroFailpoints"],
            cSettings: failpointSettings + [.unsafeFlags(["-Os"])]
        ),
        .target(name: "CHeroLinux", dependencies: ["CHeroRecord", "CHeroFailpoints"], cSettings: failpointSettings),

        // The tests, and what judges the JSON of several of them.
        .target(name: "SchemaJudge", path: "Tests/SchemaJudge", swiftSettings: commonSettings),
        // What test targets share: processes as `/proc` shows them, and how long a test with a long form takes.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: commonSettings),
        .testTarget(name: "ArchitectureTests", swiftSettings: commonSettings),
        .testTarget(
            name: "HeroScheduleTests",
            dependencies: ["HeroSchedule", "HeroModel", "HeroLifecycle"],
            swiftSettings: commonSettings
        ),
        .testTarget(name: "HeroPatternTests", dependencies: ["HeroPattern"], swiftSettings: commonSettings),
        .testTarget(name: "HeroModelTests", dependencies: ["HeroModel"], swiftSettings: commonSettings),
        .testTarget(
            name: "HeroLifecycleTests",
            dependencies: ["HeroLifecycle", "HeroModel"],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "HeroReconcilerTests",
            dependencies: [
                "HeroReconciler", "HeroKernel", "HeroManifest", "HeroModel", "HeroPlan", "HeroSim", "HeroStore",
            ],
            exclude: ["Fixtures"],
            swiftSettings: commonSettings
        ),
        .testTarget(name: "FuzzTests", dependencies: ["HeroFuzz"], swiftSettings: commonSettings),
        .testTarget(name: "SimulationTests", dependencies: ["HeroSimulation"], swiftSettings: commonSettings),
        .testTarget(
            name: "HeroManifestTests",
            dependencies: ["HeroManifest", "HeroModel", "HeroView", "HeroFuzz", "SchemaJudge"],
            exclude: ["Cases", "Examples"],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "HeroPlanTests",
            dependencies: ["HeroPlan", "HeroModel", "HeroView", "HeroSimulation", "HeroSim"],
            exclude: ["Cases"],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "HeroViewTests",
            dependencies: ["HeroView", "HeroModel", "HeroPlan", "SchemaJudge"],
            exclude: ["Goldens"],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "HeroStoreTests",
            dependencies: ["HeroStore", "HeroModel", "TestSupport", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "HeroLinuxTests",
            dependencies: [
                "HeroLinux", "HeroGit", "HeroKernel", "HeroModel", "HeroSchedule", "HeroPattern", "CHeroLinux",
                "CHeroRecord",
            ],
            swiftSettings: commonSettings
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
            swiftSettings: commonSettings
        ),
        .target(name: "ShimHarness", path: "Tests/ShimHarness"),
        .testTarget(
            name: "HPShimTests",
            dependencies: ["CHeroRecord", "ShimHarness", "TestSupport"],
            swiftSettings: commonSettings
        ),
        // Real processes; heroproc and hpshim are built beside the tests.
        .testTarget(
            name: "CommandLineTests",
            dependencies: ["HeroLinux", "HeroModel", "SchemaJudge", "TestSupport"],
            swiftSettings: commonSettings
        ),
    ]
)

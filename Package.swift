// swift-tools-version: 6.2
import PackageDescription

// HEROPROC_STRICT=1 (set in CI) turns every warning of this package into an error.
let strict = Context.environment["HEROPROC_STRICT"] == "1"
// HEROPROC_DYNAMIC_SHIM=1 links dynamically, because sanitizer builds cannot link a static executable.
let dynamicShim = Context.environment["HEROPROC_DYNAMIC_SHIM"] == "1"

// The commit that `heroproc --version` shows; `make build` sets it.
let commit = Context.environment["HEROPROC_COMMIT"].flatMap { $0.isEmpty ? nil : $0 }

let commonSettings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (strict ? [.treatAllWarnings(as: .error)] : [])

/// Leaves the symbols out of the released programs: they are half of their size.
let strippedSettings: LinkerSetting = .unsafeFlags(["-Xlinker", "-s"], .when(configuration: .release))

/// Compiles the failpoints into debug builds only (docs/decisions/0025-failpoints.md).
let failpointSettings: [CSetting] = [.define("FAILPOINTS", .when(configuration: .debug))]

let package = Package(
    name: "heroproc",
    products: [
        .executable(name: "heroproc", targets: ["heroproc"]),
        .executable(name: "hpshim", targets: ["hpshim"]),
        .executable(name: "heroproc-server", targets: ["heroproc-server"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // The pure modules, without side effects.
        .target(name: "HeroSchedule", swiftSettings: commonSettings),
        .target(name: "HeroPattern", swiftSettings: commonSettings),
        .target(name: "HeroJSON", swiftSettings: commonSettings),
        .target(name: "HeroModel", dependencies: ["HeroSchedule"], swiftSettings: commonSettings),
        .target(
            name: "HeroManifest",
            dependencies: ["HeroModel", "HeroSchedule", "HeroPattern", "HeroJSON", "CLibYAML"],
            swiftSettings: commonSettings
        ),
        .target(name: "HeroPlan", dependencies: ["HeroModel"], swiftSettings: commonSettings),
        .target(name: "HeroLifecycle", dependencies: ["HeroModel", "HeroSchedule"], swiftSettings: commonSettings),
        .target(
            name: "HeroView",
            dependencies: ["HeroModel", "HeroPlan", "HeroJSON", "CHeroVersion"],
            swiftSettings: commonSettings
        ),
        .target(
            name: "HeroConvert",
            dependencies: ["HeroModel", "HeroManifest", "HeroSchedule", "HeroJSON", "CLibYAML"],
            swiftSettings: commonSettings
        ),

        // The modules with side effects.
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
                "HeroModel", "HeroJSON", "CHeroFailpoints", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            cSettings: failpointSettings,
            swiftSettings: commonSettings
        ),
        .target(
            name: "HeroReconciler",
            dependencies: [
                "HeroModel", "HeroSchedule", "HeroManifest", "HeroPlan", "HeroLifecycle", "HeroKernel", "HeroStore",
                "HeroJSON", "CHeroFailpoints",
            ],
            cSettings: failpointSettings,
            swiftSettings: commonSettings
        ),

        // The server: a program of its own, which the reconciler does not depend on.
        .target(
            name: "HeroServer",
            dependencies: [
                "HeroModel", "HeroLinux", "HeroStore", "HeroView", "HeroJSON", "CHeroLinux", "CHeroServer",
            ],
            // The dashboard is part of the program, so that it needs no files at run time.
            resources: [
                "index.html", "style.css", "icon.svg", "app.js", "api.js", "dom.js", "pages.js", "service.js",
                "services.js",
            ].map { .embedInCode("Resources/\($0)") },
            swiftSettings: commonSettings
        ),

        // The programs.
        .executableTarget(
            name: "heroproc",
            dependencies: [
                "CHeroPages",
                "HeroModel", "HeroManifest", "HeroPlan", "HeroLifecycle", "HeroKernel", "HeroLinux", "HeroGit",
                "HeroStore",
                "HeroReconciler", "HeroView", "HeroJSON", "HeroConvert", "CNoICUData",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: commonSettings + [.unsafeFlags(["-static-stdlib"])],
            linkerSettings: [.unsafeFlags(["-static-stdlib"]), strippedSettings]
        ),
        .executableTarget(
            name: "heroproc-server",
            dependencies: [
                "HeroServer", "CNoICUData", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: commonSettings + [.unsafeFlags(["-static-stdlib"])],
            linkerSettings: [.unsafeFlags(["-static-stdlib"]), strippedSettings]
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
            linkerSettings: (dynamicShim ? [] : [.unsafeFlags(["-Xclang-linker", "-static"])]) + [strippedSettings]
        ),

        // The modules and programs for development and tests of the product.
        .target(
            name: "HeroSim",
            dependencies: ["HeroKernel", "HeroModel", "HeroRandom", "HeroSchedule"],
            path: "Sources/Development/HeroSim",
            swiftSettings: commonSettings
        ),
        .target(
            name: "HeroSimulation",
            dependencies: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroKernel", "HeroStore", "HeroReconciler", "HeroSim",
                "HeroRandom",
            ],
            path: "Sources/Development/HeroSimulation",
            swiftSettings: commonSettings
        ),
        .target(name: "HeroRandom", path: "Sources/Development/HeroRandom", swiftSettings: commonSettings),
        .target(
            name: "HeroFuzz",
            dependencies: ["HeroModel", "HeroSchedule", "HeroManifest", "HeroRandom"],
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
        // The manual pages, and the program that writes them for packages.
        .target(
            name: "HeroManual",
            dependencies: ["HeroModel"],
            path: "Sources/Development/HeroManual",
            swiftSettings: commonSettings
        ),
        .executableTarget(
            name: "hpman",
            dependencies: ["HeroManual"],
            path: "Sources/Development/hpman",
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

        // C code: functions that Swift cannot call, and code that runs between fork and exec.
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .target(name: "CHeroPages"),
        .target(name: "CHeroVersion", cSettings: commit.map { [.define("HERO_COMMIT", to: $0)] } ?? []),
        .target(name: "CHeroRecord"),
        .target(name: "CNoICUData"),
        .target(name: "CHeroFailpoints", cSettings: failpointSettings),
        .target(
            name: "CHeroShim",
            dependencies: ["CHeroRecord", "CHeroFailpoints"],
            cSettings: failpointSettings + [.unsafeFlags(["-Os"])]
        ),
        .target(name: "CHeroServer"),
        .target(name: "CHeroLinux", dependencies: ["CHeroRecord", "CHeroFailpoints"], cSettings: failpointSettings),

        // The tests, and the JSON Schema validator of several of them.
        .target(
            name: "SchemaValidation",
            dependencies: ["HeroJSON"],
            path: "Tests/SchemaValidation",
            swiftSettings: commonSettings
        ),
        // Helpers of the test targets: sandbox, conditions, processes, sockets, settings of long tests.
        .target(
            name: "TestSupport",
            dependencies: ["HeroLinux", "HeroModel"],
            path: "Tests/TestSupport",
            swiftSettings: commonSettings
        ),
        .testTarget(name: "ArchitectureTests", swiftSettings: commonSettings),
        .testTarget(
            name: "HeroScheduleTests",
            dependencies: ["HeroSchedule", "HeroModel", "HeroLifecycle"],
            swiftSettings: commonSettings
        ),
        .testTarget(name: "HeroPatternTests", dependencies: ["HeroPattern"], swiftSettings: commonSettings),
        .testTarget(
            name: "HeroModelTests",
            dependencies: ["HeroManual", "HeroModel"],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "HeroLifecycleTests",
            dependencies: ["HeroLifecycle", "HeroModel", "HeroRandom"],
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
            dependencies: [
                "HeroManifest", "HeroModel", "HeroView", "HeroFuzz", "HeroRandom", "HeroJSON", "SchemaValidation",
            ],
            exclude: ["Cases", "Examples"],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "HeroConvertTests",
            dependencies: ["HeroConvert", "HeroManifest", "HeroModel", "HeroRandom", "HeroJSON"],
            exclude: ["Structures"],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "HeroPlanTests",
            dependencies: ["HeroPlan", "HeroModel", "HeroView", "HeroJSON", "HeroSimulation", "HeroRandom"],
            exclude: ["Cases"],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "HeroViewTests",
            dependencies: ["HeroView", "HeroModel", "HeroPlan", "HeroJSON", "SchemaValidation"],
            exclude: ["Goldens"],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "HeroStoreTests",
            dependencies: [
                "HeroStore", "HeroModel", "HeroJSON", "HeroRandom", "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "HeroLinuxTests",
            dependencies: [
                "HeroLinux", "HeroKernel", "HeroModel", "HeroSchedule", "HeroPattern", "CHeroLinux",
                "CHeroRecord", "ShimHarness", "TestSupport",
            ],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "HeroGitTests",
            dependencies: ["HeroGit", "HeroModel", "TestSupport"],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "HeroServerTests",
            dependencies: [
                "HeroServer", "HeroJSON", "HeroLinux", "SchemaValidation", "TestSupport",
            ],
            swiftSettings: commonSettings
        ),
        // The workload of end-to-end tests, which checks heroproc. It is minimal, so that tests can start many of them.
        .executableTarget(
            name: "hporacle",
            path: "Tests/Oracle",
            linkerSettings: [.unsafeFlags(["-enable-experimental-feature", "Embedded"])]
                + (dynamicShim ? [] : [.unsafeFlags(["-Xclang-linker", "-static"])])
        ),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "CHeroRecord", "HeroLinux", "HeroModel", "HeroRandom", "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: commonSettings
        ),
        .target(name: "ShimHarness", path: "Tests/ShimHarness"),
        .testTarget(
            name: "HPShimTests",
            dependencies: ["CHeroRecord", "HeroRandom", "ShimHarness", "TestSupport"],
            swiftSettings: commonSettings
        ),
        // These tests start the heroproc and hpshim of the same build.
        .testTarget(
            name: "CommandLineTests",
            dependencies: ["HeroLinux", "HeroManual", "HeroModel", "HeroJSON", "SchemaValidation", "TestSupport"],
            swiftSettings: commonSettings
        ),
    ]
)

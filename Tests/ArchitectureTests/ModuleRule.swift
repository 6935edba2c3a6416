import Testing

/// The imports that one target below `Sources` may have.
struct ModuleRule: Sendable, CustomTestStringConvertible {
    /// The name of the target and of its folder.
    let name: String
    /// The allowed modules of this package.
    let internalModules: Set<String>
    /// The allowed modules of the toolchain, apart from the standard library.
    let toolchainModules: Set<String>
    /// The allowed modules of other packages.
    let packageModules: Set<String>
    /// The file that begins with the rule of the module; nil if any file may.
    let mainFile: String?

    var allowedModules: Set<String> { internalModules.union(toolchainModules).union(packageModules) }
    var testDescription: String { name }

    init(
        _ name: String,
        main: String?,
        internalModules: Set<String> = [],
        toolchainModules: Set<String> = [],
        packageModules: Set<String> = []
    ) {
        self.name = name
        self.mainFile = main
        self.internalModules = internalModules
        self.toolchainModules = toolchainModules
        self.packageModules = packageModules
    }
}

extension ModuleRule {
    /// The rules of all Swift targets.
    ///
    /// A target without a rule fails the test.
    static let table: [ModuleRule] = [
        // The pure modules import the standard library and each other, in one direction.
        ModuleRule("HeroSchedule", main: "HeroSchedule.swift"),
        ModuleRule("HeroPattern", main: "HeroPattern.swift"),
        ModuleRule("HeroJSON", main: "HeroJSON.swift"),
        ModuleRule("HeroModel", main: "HeroModel.swift", internalModules: ["HeroSchedule"]),
        ModuleRule("HeroPlan", main: "HeroPlan.swift", internalModules: ["HeroModel"]),
        ModuleRule("HeroLifecycle", main: "HeroLifecycle.swift", internalModules: ["HeroModel", "HeroSchedule"]),
        ModuleRule(
            "HeroManifest",
            main: "HeroManifest.swift",
            internalModules: ["HeroModel", "HeroSchedule", "HeroPattern", "HeroJSON", "CLibYAML"],
            toolchainModules: ["FoundationEssentials"]
        ),
        ModuleRule(
            "HeroView",
            main: "HeroView.swift",
            internalModules: ["HeroModel", "HeroPlan", "HeroJSON", "CHeroVersion"],
            toolchainModules: ["FoundationEssentials"]
        ),
        ModuleRule(
            "HeroConvert",
            main: "HeroConvert.swift",
            internalModules: ["HeroModel", "HeroManifest", "HeroSchedule", "HeroJSON", "CLibYAML"]
        ),

        // The modules with side effects. The simulated machine shares only the protocol with the real one.
        ModuleRule("HeroKernel", main: "HeroKernel.swift", internalModules: ["HeroModel", "HeroSchedule"]),
        ModuleRule(
            "HeroSim",
            main: "HeroSim.swift",
            internalModules: ["HeroKernel", "HeroModel", "HeroRandom", "HeroSchedule"]
        ),
        ModuleRule(
            "HeroLinux",
            main: "HeroLinux.swift",
            internalModules: [
                "HeroKernel", "HeroModel", "HeroSchedule", "HeroPattern", "CHeroLinux", "CHeroRecord",
                "CHeroFailpoints",
            ],
            toolchainModules: ["Glibc", "Dispatch", "Synchronization"]
        ),
        ModuleRule(
            "HeroGit",
            main: "HeroGit.swift",
            internalModules: ["HeroLinux", "HeroModel"],
            toolchainModules: ["Glibc"]
        ),
        ModuleRule(
            "HeroStore",
            main: "HeroStore.swift",
            internalModules: ["HeroModel", "HeroJSON", "CHeroFailpoints"],
            toolchainModules: ["Foundation", "FoundationEssentials"],
            packageModules: ["GRDB", "GRDBSQLite"]
        ),
        ModuleRule(
            "HeroReconciler",
            main: "HeroReconciler.swift",
            internalModules: [
                "HeroModel", "HeroSchedule", "HeroManifest", "HeroPlan", "HeroLifecycle", "HeroKernel", "HeroStore",
                "HeroJSON", "CHeroFailpoints",
            ],
            toolchainModules: ["Foundation", "FoundationEssentials"]
        ),

        // The real reconciler on the simulated machine.
        ModuleRule(
            "HeroSimulation",
            main: "HeroSimulation.swift",
            internalModules: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroKernel", "HeroStore", "HeroReconciler", "HeroSim",
                "HeroRandom",
            ]
        ),

        // The seeded generator of the simulation, the fuzzer and the tests.
        ModuleRule("HeroRandom", main: "HeroRandom.swift"),
        // Random and hostile inputs for the readers of outside input; no file and no clock either.
        ModuleRule(
            "HeroFuzz",
            main: "HeroFuzz.swift",
            internalModules: ["HeroModel", "HeroSchedule", "HeroManifest", "HeroRandom"],
            toolchainModules: ["FoundationEssentials"]
        ),

        // The server, which only its own program links.
        ModuleRule(
            "HeroServer",
            main: "HeroServer.swift",
            internalModules: [
                "HeroModel", "HeroLinux", "HeroStore", "HeroView", "HeroJSON", "CHeroLinux", "CHeroServer",
            ],
            toolchainModules: ["Glibc", "Synchronization"]
        ),

        // The programs.
        ModuleRule(
            "heroproc",
            main: "HeroProc.swift",
            internalModules: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroLifecycle", "HeroKernel", "HeroLinux", "HeroGit",
                "HeroStore", "HeroReconciler", "HeroView", "HeroJSON", "HeroConvert", "CNoICUData", "CHeroPages",
            ],
            toolchainModules: ["Foundation", "FoundationEssentials", "Glibc", "Dispatch", "Synchronization"],
            packageModules: ["ArgumentParser"]
        ),
        ModuleRule(
            "heroproc-server",
            main: "HeroprocServer.swift",
            internalModules: ["HeroServer", "CNoICUData"],
            toolchainModules: ["Foundation", "Glibc"],
            packageModules: ["ArgumentParser"]
        ),
        ModuleRule("hpshim", main: "Shim.swift", internalModules: ["CHeroShim", "CHeroRecord", "CHeroFailpoints"]),
        ModuleRule(
            "hpsim",
            main: nil,
            internalModules: ["HeroSimulation", "HeroPlan"],
            toolchainModules: ["Foundation", "FoundationEssentials", "Glibc", "Dispatch", "Synchronization"],
            packageModules: ["ArgumentParser"]
        ),
        ModuleRule(
            "hpfuzz",
            main: nil,
            internalModules: ["HeroFuzz"],
            toolchainModules: ["Foundation", "Dispatch"],
            packageModules: ["ArgumentParser"]
        ),
        // The manual pages, and the program that writes them.
        ModuleRule(
            "HeroManual",
            main: "HeroManual.swift",
            internalModules: ["HeroModel"],
            toolchainModules: ["FoundationEssentials"]
        ),
        ModuleRule("hpman", main: nil, internalModules: ["HeroManual"], toolchainModules: ["Foundation"]),
        ModuleRule(
            "hpbench",
            main: nil,
            internalModules: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroKernel", "HeroLinux", "HeroStore", "HeroFuzz",
                "CHeroLinux",
                "CLibYAML",
            ],
            toolchainModules: ["Foundation", "FoundationEssentials", "Glibc", "Dispatch", "Synchronization"],
            packageModules: ["ArgumentParser", "Subprocess"]
        ),
    ]

    /// The C targets, and the targets whose headers they may include apart from their own and those of the system.
    static let cTargets: [String: Set<String>] = [
        "CHeroFailpoints": [],
        "CHeroPages": [],
        "CHeroVersion": [],
        "CHeroRecord": [],
        "CNoICUData": [],
        "CHeroShim": ["CHeroRecord", "CHeroFailpoints"],
        "CHeroLinux": ["CHeroRecord", "CHeroFailpoints"],
        "CHeroServer": [],
        "CLibYAML": [],
        "hpbenchload": [],
    ]

    /// The system headers that public headers of this package may include.
    ///
    /// With `_GNU_SOURCE`, larger headers would give the C modules of Swift a second, different view of the same types.
    static let plainHeaders: Set<String> = ["stdint.h", "stddef.h", "stdbool.h"]
}

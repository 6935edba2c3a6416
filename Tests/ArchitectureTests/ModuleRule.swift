import Testing

/// What one target below `Sources` may import: one row of the map of the house.
struct ModuleRule: Sendable, CustomTestStringConvertible {
    /// The target, which is also its folder.
    let name: String
    /// Modules of this package that it may see.
    let internalModules: Set<String>
    /// Modules of the toolchain beyond the standard library.
    let toolchainModules: Set<String>
    /// Modules of other packages.
    let packageModules: Set<String>
    /// The file that opens with the law of the module; nil for a tool that may name its files as it likes.
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
    /// The map of the house.
    ///
    /// A target without a row here fails the test: give it a row, and a reason, first.
    static let table: [ModuleRule] = [
        // The pure core: the standard library and each other, in one direction.
        ModuleRule("HeroSchedule", main: "HeroSchedule.swift"),
        ModuleRule("HeroPattern", main: "HeroPattern.swift"),
        ModuleRule("HeroModel", main: "HeroModel.swift", internalModules: ["HeroSchedule"]),
        ModuleRule("HeroPlan", main: "HeroPlan.swift", internalModules: ["HeroModel"]),
        ModuleRule("HeroLifecycle", main: "HeroLifecycle.swift", internalModules: ["HeroModel", "HeroSchedule"]),
        ModuleRule(
            "HeroManifest",
            main: "HeroManifest.swift",
            internalModules: ["HeroModel", "HeroSchedule", "HeroPattern", "CLibYAML"],
            toolchainModules: ["FoundationEssentials"]
        ),
        ModuleRule(
            "HeroView",
            main: "HeroView.swift",
            internalModules: ["HeroModel", "HeroPlan"],
            toolchainModules: ["FoundationEssentials"]
        ),

        // The shell around it. The simulated machine has no more of the real one than the protocol.
        ModuleRule("HeroKernel", main: "HeroKernel.swift", internalModules: ["HeroModel", "HeroSchedule"]),
        ModuleRule("HeroSim", main: "HeroSim.swift", internalModules: ["HeroKernel", "HeroModel", "HeroSchedule"]),
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
            internalModules: ["HeroModel", "CHeroFailpoints"],
            toolchainModules: ["Foundation", "FoundationEssentials"],
            packageModules: ["GRDB", "GRDBSQLite"]
        ),
        ModuleRule(
            "HeroReconciler",
            main: "HeroReconciler.swift",
            internalModules: [
                "HeroModel", "HeroSchedule", "HeroManifest", "HeroPlan", "HeroLifecycle", "HeroKernel", "HeroStore",
                "CHeroFailpoints",
            ],
            toolchainModules: ["Foundation", "FoundationEssentials"]
        ),

        // The real reconciler on the simulated machine.
        ModuleRule(
            "HeroSimulation",
            main: "HeroSimulation.swift",
            internalModules: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroKernel", "HeroStore", "HeroReconciler", "HeroSim",
            ]
        ),

        // Texts that nobody means, for the readers of outside input; no file and no clock either.
        ModuleRule(
            "HeroFuzz",
            main: "HeroFuzz.swift",
            internalModules: ["HeroModel", "HeroSchedule", "HeroManifest"],
            toolchainModules: ["FoundationEssentials"]
        ),

        // The programs.
        ModuleRule(
            "heroproc",
            main: "HeroProc.swift",
            internalModules: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroLifecycle", "HeroKernel", "HeroLinux", "HeroGit",
                "HeroStore", "HeroReconciler", "HeroView",
            ],
            toolchainModules: ["Foundation", "FoundationEssentials", "Glibc", "Dispatch", "Synchronization"],
            packageModules: ["ArgumentParser", "Logging"]
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

    /// The C targets, and whose headers they may include beside their own and the system's.
    static let cTargets: [String: Set<String>] = [
        "CHeroFailpoints": [],
        "CHeroRecord": [],
        "CHeroShim": ["CHeroRecord", "CHeroFailpoints"],
        "CHeroLinux": ["CHeroRecord", "CHeroFailpoints"],
        "CLibYAML": [],
        "hpbenchload": [],
    ]

    /// System headers that a public header of ours may include.
    ///
    /// Anything larger, after `_GNU_SOURCE`, gives Swift's own C modules a second and different view of the same types.
    static let plainHeaders: Set<String> = ["stdint.h", "stddef.h", "stdbool.h"]
}

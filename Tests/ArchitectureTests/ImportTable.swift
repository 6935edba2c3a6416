import Testing

/// What one target below `Sources` may import: one row of the map of the house.
struct ModuleRule: Sendable, CustomTestStringConvertible {
    /// The target, which is also its folder.
    let name: String
    /// Modules of this package that it may see.
    let ours: Set<String>
    /// Modules of the toolchain beyond the standard library.
    let toolchain: Set<String>
    /// Modules of other packages.
    let packages: Set<String>
    /// The file that opens with the law of the module; nil for a tool that may name its files as it likes.
    let mainFile: String?

    var allowed: Set<String> { ours.union(toolchain).union(packages) }
    var testDescription: String { name }

    init(
        _ name: String,
        main: String?,
        ours: Set<String> = [],
        toolchain: Set<String> = [],
        packages: Set<String> = []
    ) {
        self.name = name
        self.mainFile = main
        self.ours = ours
        self.toolchain = toolchain
        self.packages = packages
    }
}

extension ModuleRule {
    /// The map of the house.
    ///
    /// A target without a row here fails the test: give it a row, and a reason, first.
    static let table: [ModuleRule] = [
        // The pure core: the standard library and each other, in one direction.
        ModuleRule("HeroModel", main: "HeroModel.swift"),
        ModuleRule("HeroPlan", main: "HeroPlan.swift", ours: ["HeroModel"]),
        ModuleRule("HeroLife", main: "HeroLife.swift", ours: ["HeroModel"]),
        ModuleRule(
            "HeroManifest",
            main: "HeroManifest.swift",
            ours: ["HeroModel", "CLibYAML"],
            toolchain: ["FoundationEssentials"]
        ),
        ModuleRule(
            "HeroView",
            main: "HeroView.swift",
            ours: ["HeroModel", "HeroPlan"],
            toolchain: ["FoundationEssentials"]
        ),

        // The shell around it. The simulated machine has no more of the real one than the protocol.
        ModuleRule("HeroKernel", main: "HeroKernel.swift", ours: ["HeroModel"]),
        ModuleRule("HeroSim", main: "HeroSim.swift", ours: ["HeroKernel", "HeroModel"]),
        ModuleRule(
            "HeroLinux",
            main: "HeroLinux.swift",
            ours: ["HeroKernel", "HeroModel", "CHeroLinux", "CHeroRecord", "CHeroFailpoints"],
            toolchain: ["Glibc", "Dispatch", "Synchronization"]
        ),
        ModuleRule(
            "HeroStore",
            main: "HeroStore.swift",
            ours: ["HeroModel", "CHeroFailpoints"],
            toolchain: ["Foundation", "FoundationEssentials"],
            packages: ["GRDB", "GRDBSQLite"]
        ),
        ModuleRule(
            "HeroReconciler",
            main: "HeroReconciler.swift",
            ours: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroLife", "HeroKernel", "HeroStore", "CHeroFailpoints",
            ],
            toolchain: ["Foundation", "FoundationEssentials"]
        ),

        // The real reconciler on the simulated machine.
        ModuleRule(
            "HeroTrials",
            main: "HeroTrials.swift",
            ours: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroKernel", "HeroStore", "HeroReconciler", "HeroSim",
            ]
        ),

        // Texts that nobody means, for the readers of outside input; no file and no clock either.
        ModuleRule(
            "HeroFuzz",
            main: "HeroFuzz.swift",
            ours: ["HeroModel", "HeroManifest"],
            toolchain: ["FoundationEssentials"]
        ),

        // The programs.
        ModuleRule(
            "heroproc",
            main: "HeroProc.swift",
            ours: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroLife", "HeroKernel", "HeroLinux", "HeroStore",
                "HeroReconciler", "HeroView",
            ],
            toolchain: ["Foundation", "FoundationEssentials", "Glibc", "Dispatch", "Synchronization"],
            packages: ["ArgumentParser", "Logging"]
        ),
        ModuleRule("hpshim", main: "Shim.swift", ours: ["CHeroShim", "CHeroRecord", "CHeroFailpoints"]),
        ModuleRule(
            "hpsim",
            main: nil,
            ours: ["HeroTrials", "HeroPlan"],
            toolchain: ["Foundation", "FoundationEssentials", "Glibc", "Dispatch", "Synchronization"],
            packages: ["ArgumentParser"]
        ),
        ModuleRule(
            "hpfuzz",
            main: nil,
            ours: ["HeroFuzz"],
            toolchain: ["Foundation", "Dispatch"],
            packages: ["ArgumentParser"]
        ),
        ModuleRule(
            "hpbench",
            main: nil,
            ours: [
                "HeroModel", "HeroManifest", "HeroPlan", "HeroKernel", "HeroLinux", "HeroStore", "HeroFuzz",
                "CHeroLinux",
                "CLibYAML",
            ],
            toolchain: ["Foundation", "FoundationEssentials", "Glibc", "Dispatch", "Synchronization"],
            packages: ["ArgumentParser", "Subprocess"]
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

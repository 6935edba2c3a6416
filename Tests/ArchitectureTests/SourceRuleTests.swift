import Testing

/// A pattern that must not occur in code, and what to do instead.
private struct BannedPattern: Sendable {
    /// Every match contains one of these.
    ///
    /// Searching for them first takes a hundredth of the time.
    let substrings: [String]
    let pattern: @Sendable () -> Regex<Substring>
    let remedy: String
    let folders: [String]

    init(
        _ words: String...,
        as pattern: @escaping @Sendable () -> Regex<Substring>,
        in folders: [String],
        remedy: String
    ) {
        self.substrings = words
        self.pattern = pattern
        self.folders = folders
        self.remedy = remedy
    }

    /// Whether the pattern applies to a file.
    func covers(_ file: Repository.File) -> Bool { folders.contains { file.path.hasPrefix($0 + "/") } }

    /// Whether the pattern occurs in a line of code.
    func occurs(in line: String) -> Bool {
        guard substrings.contains(where: { line.contains($0) }) else { return false }
        // A declaration may have the name; only calls count.
        return line.replacing(/\bfunc\s+\w+/, with: "func").contains(pattern())
    }
}

@Suite("Source rules")
struct SourceRuleTests {
    private static let pureModules = [
        "HeroSchedule", "HeroPattern", "HeroJSON", "HeroModel", "HeroManifest", "HeroPlan", "HeroLifecycle",
        "HeroKernel",
        "HeroStore", "HeroReconciler", "HeroView", "HeroConvert", "Development/HeroSim",
    ].map { "Sources/\($0)" }

    private static let bannedPatterns: [BannedPattern] = [
        BannedPattern(
            "try!",
            as: { /\btry!/ },
            in: ["Sources", "Tests"],
            remedy: "a trap is a crash; propagate the error"
        ),
        BannedPattern(
            "as!",
            as: { /\bas!/ },
            in: ["Sources", "Tests"],
            remedy: "a trap is a crash; use `as?` and report the error"
        ),
        BannedPattern(
            "kill",
            as: { /(?:^|[^\w.])(?:kill|killpg|tkill|tgkill)\s*\(/ },
            in: ["Sources"],
            remedy: "every signal goes through a pidfd (ID-2)"
        ),
        BannedPattern(
            "system",
            "popen",
            as: { /(?:^|[^\w.])(?:system|popen)\s*\(/ },
            in: ["Sources"],
            remedy: "start programs without a shell"
        ),
        BannedPattern("Process()", as: { /\bProcess\(\)/ }, in: ["Sources"], remedy: "it polls; use HeroLinux"),
        BannedPattern(
            "FileHandle",
            as: { /\bFileHandle\b/ },
            in: ["Sources"],
            remedy: "it traps on errors; write to the descriptor"
        ),
        BannedPattern(
            "Date",
            as: { /\bDate\(\)|\bDate\.now\b/ },
            in: pureModules,
            remedy: "the time is an argument (TM-1)"
        ),
    ]

    @Test("No source file is longer than 400 lines")
    func filesAreShort() throws {
        let files =
            try Repository.files(below: "Sources", ending: ".swift", ".c", ".h")
            + Repository.files(below: "Tests", ending: ".swift")
        for file in files where file.source.lineCount > 400 {
            Issue.record("\(file.path) has \(file.source.lineCount) lines; split it")
        }
    }

    @Test("Banned patterns do not occur in the sources")
    func bannedPatternsDoNotOccur() throws {
        let files =
            try Repository.files(below: "Sources", ending: ".swift", ".c")
            + Repository.files(below: "Tests", ending: ".swift", ".c")
        for file in files {
            for ban in Self.bannedPatterns where ban.covers(file) {
                for (index, line) in file.source.code.enumerated() where ban.occurs(in: line) {
                    Issue.record("\(file.path):\(index + 1): \(line.trimmed): \(ban.remedy)")
                }
            }
        }
    }

    @Test("The sources contain no notes for later")
    func noNotesForLater() throws {
        // The space after the last one excludes the templates of mkdtemp(3).
        let words = ["TO" + "DO", "FIX" + "ME", "X" + "XX "]
        for place in ["Sources", "Tests", "services.d", ".ci"] {
            for file in try Repository.files(below: place, ending: ".swift", ".c", ".h", ".yaml", "run", "deps") {
                for (index, line) in file.source.lines.enumerated() where words.contains(where: { line.contains($0) }) {
                    Issue.record("\(file.path):\(index + 1): do it now or open an issue: \(line)")
                }
            }
        }
    }
}

extension String {
    fileprivate var trimmed: Substring {
        let start = drop(while: \.isWhitespace)
        return start.prefix(80)
    }
}

import Testing

/// Something that must not stand in code, and what to do instead.
private struct BannedPattern: Sendable {
    /// What stands in every line that the pattern finds: to search for that first takes a hundredth of the time.
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

    /// Whether it holds for a file.
    func covers(_ file: Repository.File) -> Bool { folders.contains { file.path.hasPrefix($0 + "/") } }

    /// Whether it occurs in a line of code.
    func occurs(in line: String) -> Bool {
        guard substrings.contains(where: { line.contains($0) }) else { return false }
        // A declaration may bear the name; what counts is the call.
        return line.replacing(/\bfunc\s+\w+/, with: "func").contains(pattern())
    }
}

@Suite("Laws of the source")
struct SourceRuleTests {
    private static let pureModules = [
        "HeroSchedule", "HeroPattern", "HeroModel", "HeroManifest", "HeroPlan", "HeroLifecycle", "HeroKernel",
        "HeroStore", "HeroReconciler", "HeroView", "Development/HeroSim",
    ].map { "Sources/\($0)" }

    private static let bannedPatterns: [BannedPattern] = [
        BannedPattern(
            "try!",
            as: { /\btry!/ },
            in: ["Sources", "Tests"],
            remedy: "a trap is a crash: let the error go up"
        ),
        BannedPattern(
            "as!",
            as: { /\bas!/ },
            in: ["Sources", "Tests"],
            remedy: "a trap is a crash: use `as?` and say what is wrong"
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
            remedy: "no shell that nobody asked for"
        ),
        BannedPattern("Process()", as: { /\bProcess\(\)/ }, in: ["Sources"], remedy: "it polls; use the kernel door"),
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
            remedy: "the moment is an argument (TM-1)"
        ),
    ]

    @Test("no file is longer than 400 lines")
    func filesAreShort() throws {
        let files =
            try Repository.files(below: "Sources", ending: ".swift", ".c", ".h")
            + Repository.files(below: "Tests", ending: ".swift")
        for file in files where file.source.lineCount > 400 {
            Issue.record("\(file.path) has \(file.source.lineCount) lines: which two ideas are in it?")
        }
    }

    @Test("what is banned does not occur")
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

    @Test("no note to do something later")
    func noNotesForLater() throws {
        // Six of the last one in a row make a template of mkdtemp(3).
        let words = ["TO" + "DO", "FIX" + "ME", "X" + "XX "]
        for place in ["Sources", "Tests", "services.d", ".ci"] {
            for file in try Repository.files(below: place, ending: ".swift", ".c", ".h", ".yaml", "run", "deps") {
                for (index, line) in file.source.lines.enumerated() where words.contains(where: { line.contains($0) }) {
                    Issue.record("\(file.path):\(index + 1): do it now, or open an issue: \(line)")
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

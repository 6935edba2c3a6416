import HeroSchedule

/// Makes a text that nobody means out of one that somebody did.
struct Mutator {
    private var seed: SeededGenerator
    private let corpus: [[UInt8]]

    init(seed: UInt64, corpus: [[UInt8]]) {
        self.seed = SeededGenerator(seed)
        self.corpus = corpus
    }

    /// The text of the seed; at most 64 KiB, so that seeds are many rather than large.
    mutating func makeInput() -> [UInt8] {
        if seed.below(3) == 0 { return makeFieldValue() }
        var bytes = seed.pick(corpus, or: [])
        for _ in 0...seed.below(6) { mutate(&bytes) }
        return Array(bytes.prefix(64 << 10))
    }

    /// A manifest with one value that is made up: durations, sizes, rhythms, addresses, templates.
    private mutating func makeFieldValue() -> [UInt8] {
        let field = seed.pick(InputFragments.fields, or: "name: @")
        var text = Array(seed.pick(InputFragments.values, or: "1").utf8)
        for _ in 0..<seed.below(4) { mutateBytes(&text) }
        return Self.manifest(field, seed.below(2) == 0 ? Self.quoted(text) : text)
    }

    /// A manifest with these bytes as the value of one of its fields, in quotes where the number is odd.
    static func manifest(field number: Int, value: [UInt8]) -> [UInt8] {
        let fields = InputFragments.fields
        return manifest(fields[number / 2 % fields.count], number.isMultiple(of: 2) ? value : quoted(value))
    }

    private static func manifest(_ field: String, _ value: [UInt8]) -> [UInt8] {
        let parts = field.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let before = parts.first.map(String.init) ?? ""
        let after = parts.count > 1 ? String(parts[1]) : ""
        return Array(InputFragments.head.utf8) + Array(before.utf8) + value + Array(after.utf8) + [0x0A]
    }

    /// A double-quoted YAML text with just these bytes in it.
    private static func quoted(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = [0x22]
        for byte in bytes {
            if byte == 0x22 || byte == 0x5C { result.append(0x5C) }
            result.append(byte)
        }
        return result + [0x22]
    }

    private mutating func mutateBytes(_ bytes: inout [UInt8]) {
        switch seed.below(5) {
        case 0: bytes.insert(UInt8(truncatingIfNeeded: seed.next()), at: seed.below(bytes.count + 1))
        case 1: removeBytes(&bytes, atMost: 4)
        case 2: bytes.insert(contentsOf: seed.pick(InputFragments.values, or: "").utf8, at: seed.below(bytes.count + 1))
        case 3: bytes.insert(contentsOf: seed.pick(InputFragments.pieces, or: "").utf8, at: seed.below(bytes.count + 1))
        default:
            if !bytes.isEmpty { bytes[seed.below(bytes.count)] ^= 1 << UInt8(seed.below(8)) }
        }
    }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        switch seed.below(10) {
        case 0, 1: mutateBytes(&bytes)
        case 2: bytes.removeLast(seed.below(bytes.count + 1))
        case 3: removeBytes(&bytes, atMost: 200)
        case 4: splice(&bytes)
        case 5, 6: mutateLines(&bytes)
        case 7: repeatPiece(&bytes)
        default:
            bytes.insert(contentsOf: seed.pick(InputFragments.pieces, or: "").utf8, at: seed.below(bytes.count + 1))
        }
    }

    private mutating func removeBytes(_ bytes: inout [UInt8], atMost most: Int) {
        let start = seed.below(bytes.count)
        bytes.removeSubrange(start..<min(bytes.count, start + 1 + seed.below(most)))
    }

    /// Puts a part of another file in, as a slip with the clipboard would.
    private mutating func splice(_ bytes: inout [UInt8]) {
        let other = seed.pick(corpus, or: [])
        let start = seed.below(other.count)
        let part = other[start..<min(other.count, start + seed.below(400))]
        bytes.insert(contentsOf: part, at: seed.below(bytes.count + 1))
    }

    /// Swaps, doubles, indents or drops whole lines.
    private mutating func mutateLines(_ bytes: inout [UInt8]) {
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
        guard !lines.isEmpty else { return }
        let index = seed.below(lines.count)
        switch seed.below(6) {
        case 0: lines.swapAt(index, seed.below(lines.count))
        case 1: lines.insert(lines[index], at: seed.below(lines.count))
        case 2: lines[index].insert(contentsOf: Array(repeating: 0x20, count: 1 + seed.below(4)), at: 0)
        case 3: lines[index].removeFirst(min(lines[index].count, 1 + seed.below(3)))
        case 4: lines.remove(at: index)
        default: lines[index].append(0x0D)
        }
        bytes = Array(lines.joined(separator: [0x0A]))
    }

    private mutating func repeatPiece(_ bytes: inout [UInt8]) {
        let piece = Array(seed.pick(InputFragments.pieces, or: "[").utf8)
        let count = 1 << seed.below(12)
        bytes.insert(contentsOf: (0..<count).flatMap { _ in piece }, at: seed.below(bytes.count + 1))
    }
}

/// What mistakes are made of.
private enum InputFragments {
    static let head = "kind: Service\nname: web\nactions:\n  - name: main\n    exec: [web]\n"

    /// Keys of the action above, each with the place of its value.
    static let fields = [
        "    start_timeout: @", "    timeout: @", "    stop: {signal: TERM, timeout: @}", "    stop: {signal: @}",
        "    retry: {delay: @, factor: 2}", "    retry: {factor: @}", "    retry: {max_attempts: @}",
        "    retry: {jitter: @}", "    log: {max_size: @}", "    log: {keep: @}", "    log: {when_slow: @}",
        "    schedule: {cron: @}",
        "    schedule: {every: @}", "    schedule: {cron: \"5 4 * * *\", timezone: @}", "    tcp_ports: [@]",
        "    tcp_ports: [{port: @, reuseport: @}]",
        "    sockets: [@]", "    ready: {tcp: @}", "    ready: {http: @}", "    ready: {http: {unix: @, path: @}}",
        "    ready: {log: @}", "    ready: {exec: [@]}", "    cwd: @", "    env: {A: @}", "    env: {@: a}",
        "    env_file: [@]", "    umask: @", "    user: @", "    success_exit_codes: [@]", "    restart: @",
        "    limits: {memory: @}", "requires: [@]", "after: [@]", "generation: @", "status: @", "tags: [@]",
        "context: @", "description: @", "@", "@: 1", "---\nkind: Settings\nrequired: []\nvars: {A: @, B: \"${A}\"}",
    ]

    /// What might be a value of one of them.
    static let values = [
        "250ms", "3s", "10m", "2h", "7d", "0s", "99999999999999999999d", "1e3s", "1.5h", "-1s", "٣s", "10MiB", "64KiB",
        "1GB", "9223372036854775807KiB", "*/5 * * * *", "0 4 * * 1-5", "@daily", "60 25 32 13 8", "1-0 * * * *",
        "0 0 29 2 *", "*/0 * * * *", "1,2,3-9/2 * * * *", "UTC", "Europe/Paris", "../../etc/passwd", "${HOME}",
        "${A:-b}", "${A:?no}", "$$", "${", "${A", "${A:-${B}}", "$", "${1}", "${A:}", "8080", "127.0.0.1:8080",
        "[::1]:8080", "[::ffff:1.2.3.4]:1", "65536", "0", "-1", "0x1F", "0o17", "0755", "22:30", "no", "on", "~",
        "null",
        "true", "http://127.0.0.1:8080/health", "https://[::1]:99999/", "http://a b/", "/run/a.sock", "~/x", "a/../b",
        "TERM", "SIGKILL", "9", "(a|b)*", "[", "(?=x)", "a{1000}{1000}", "core/db", "a/b/c", "Web", "always", "start",
        "9223372036854775808", "1_000", "+1", ".5", "1e400", ".inf", ".nan", "\u{FEFF}", "é", "\u{202E}", "😀",
    ]

    /// What slips in between.
    static let pieces = [
        "[", "]", "{", "}", ": ", ":", ", ", "- ", "-", "? ", "&a ", "*a", "!!str ", "!x ", "<<: ", "|", ">", "|2-\n",
        "'", "\"", "%YAML 1.1\n", "@", "`", "#", "---\n", "...\n", "\t", "\n", "\r\n", "\r", "\u{85}", "\u{2028}",
        "\u{0}", "\u{1B}[2J", "\u{7F}", "\u{FEFF}", "\\", "\\x41", "\\u0000", "\\UFFFFFFFF", "  ", "kind: Service\n",
        "name: web\n", "actions:\n", "requires: [web]\n", "exec: [a]\n", "${A}", "null", "~",
    ]
}

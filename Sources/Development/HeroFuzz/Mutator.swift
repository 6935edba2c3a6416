internal import HeroRandom

/// Makes random inputs out of the files of a corpus.
struct Mutator {
    private var random: SeededGenerator
    private let corpus: [[UInt8]]

    init(seed: UInt64, corpus: [[UInt8]]) {
        random = SeededGenerator(seed)
        self.corpus = corpus
    }

    /// Makes the input of the seed: at most 64 KiB, because many small inputs find more than a few large ones.
    mutating func makeInput() -> [UInt8] {
        if random.number(below: 3) == 0 { return makeFieldValue() }
        var bytes = random.pick(corpus, or: [])
        for _ in 0...random.number(below: 6) { mutate(&bytes) }
        return Array(bytes.prefix(64 << 10))
    }

    /// Makes a manifest with one random value: a duration, size, schedule, address or template.
    private mutating func makeFieldValue() -> [UInt8] {
        let field = random.pick(InputFragments.fields, or: "name: @")
        var text = Array(random.pick(InputFragments.values, or: "1").utf8)
        for _ in 0..<random.number(below: 4) { mutateBytes(&text) }
        return Self.manifest(field, random.number(below: 2) == 0 ? Self.quoted(text) : text)
    }

    /// Makes a manifest with these bytes as the value of one of its fields; the value is quoted if the number is odd.
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

    /// Returns a double-quoted YAML string that contains exactly these bytes.
    private static func quoted(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = [0x22]
        for byte in bytes {
            if byte == 0x22 || byte == 0x5C { result.append(0x5C) }
            result.append(byte)
        }
        return result + [0x22]
    }

    private mutating func mutateBytes(_ bytes: inout [UInt8]) {
        switch random.number(below: 5) {
        case 0: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: random.number(below: bytes.count + 1))
        case 1: removeBytes(&bytes, atMost: 4)
        case 2:
            bytes.insert(
                contentsOf: random.pick(InputFragments.values, or: "").utf8,
                at: random.number(below: bytes.count + 1)
            )
        case 3:
            bytes.insert(
                contentsOf: random.pick(InputFragments.pieces, or: "").utf8,
                at: random.number(below: bytes.count + 1)
            )
        default:
            if !bytes.isEmpty { bytes[random.number(below: bytes.count)] ^= 1 << UInt8(random.number(below: 8)) }
        }
    }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        switch random.number(below: 10) {
        case 0, 1: mutateBytes(&bytes)
        case 2: bytes.removeLast(random.number(below: bytes.count + 1))
        case 3: removeBytes(&bytes, atMost: 200)
        case 4: splice(&bytes)
        case 5, 6: mutateLines(&bytes)
        case 7: repeatPiece(&bytes)
        default:
            bytes.insert(
                contentsOf: random.pick(InputFragments.pieces, or: "").utf8,
                at: random.number(below: bytes.count + 1)
            )
        }
    }

    private mutating func removeBytes(_ bytes: inout [UInt8], atMost most: Int) {
        let start = random.number(below: bytes.count)
        bytes.removeSubrange(start..<min(bytes.count, start + 1 + random.number(below: most)))
    }

    /// Inserts a part of another file of the corpus.
    private mutating func splice(_ bytes: inout [UInt8]) {
        let other = random.pick(corpus, or: [])
        let start = random.number(below: other.count)
        let part = other[start..<min(other.count, start + random.number(below: 400))]
        bytes.insert(contentsOf: part, at: random.number(below: bytes.count + 1))
    }

    /// Swaps, duplicates, indents or removes whole lines.
    private mutating func mutateLines(_ bytes: inout [UInt8]) {
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
        guard !lines.isEmpty else { return }
        let index = random.number(below: lines.count)
        switch random.number(below: 6) {
        case 0: lines.swapAt(index, random.number(below: lines.count))
        case 1: lines.insert(lines[index], at: random.number(below: lines.count))
        case 2: lines[index].insert(contentsOf: Array(repeating: 0x20, count: 1 + random.number(below: 4)), at: 0)
        case 3: lines[index].removeFirst(min(lines[index].count, 1 + random.number(below: 3)))
        case 4: lines.remove(at: index)
        default: lines[index].append(0x0D)
        }
        bytes = Array(lines.joined(separator: [0x0A]))
    }

    private mutating func repeatPiece(_ bytes: inout [UInt8]) {
        let piece = Array(random.pick(InputFragments.pieces, or: "[").utf8)
        let count = 1 << random.number(below: 12)
        bytes.insert(contentsOf: (0..<count).flatMap { _ in piece }, at: random.number(below: bytes.count + 1))
    }
}

/// The parts that random inputs are made of.
private enum InputFragments {
    static let head = "kind: Service\nname: web\nactions:\n  - name: main\n    exec: [web]\n"

    /// Keys of the action above; `@` stands for the value.
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

    /// Possible values of these keys, valid and invalid.
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

    /// Pieces of YAML syntax and other bytes that mutations insert.
    static let pieces = [
        "[", "]", "{", "}", ": ", ":", ", ", "- ", "-", "? ", "&a ", "*a", "!!str ", "!x ", "<<: ", "|", ">", "|2-\n",
        "'", "\"", "%YAML 1.1\n", "@", "`", "#", "---\n", "...\n", "\t", "\n", "\r\n", "\r", "\u{85}", "\u{2028}",
        "\u{0}", "\u{1B}[2J", "\u{7F}", "\u{FEFF}", "\\", "\\x41", "\\u0000", "\\UFFFFFFFF", "  ", "kind: Service\n",
        "name: web\n", "actions:\n", "requires: [web]\n", "exec: [a]\n", "${A}", "null", "~",
    ]
}

internal import CLibYAML

/// Reads YAML files of other tools, with anchors, aliases and merge keys.
///
/// An alias shares the node of its anchor. The size of the expanded document is limited, so that aliases of aliases
/// cannot grow without bound.
struct ImportYAMLReader {
    /// The maximum depth of nested lists and maps.
    private static let maxDepth = 32
    /// The maximum number of nodes with all aliases expanded.
    private static let maxNodes = 60_000

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let path: String
    private let file: Int
    private var event = yaml_event_t()
    private var count = 0
    private var anchors: [String: ImportNode] = [:]

    /// Returns the documents of a file that are not empty.
    ///
    /// - Throws: the first problem with its line.
    static func read(_ file: ImportFile, index: Int) throws(ImportError) -> [ImportNode] {
        _ = try file.lines()
        let hasMark = file.bytes.starts(with: [0xEF, 0xBB, 0xBF])
        let bytes = hasMark ? Array(file.bytes.dropFirst(3)) : file.bytes
        guard !bytes.isEmpty else { return [] }
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else { throw ImportError(file.path, "out of memory") }
        defer { yaml_parser_delete(parser) }
        return try withExtendedLifetime(bytes) { () throws(ImportError) -> [ImportNode] in
            try Self.documents(bytes, parser, file.path, index)
        }
    }

    /// Returns the map of several files, in which a later one overrides keys of an earlier one; nil if all are empty.
    ///
    /// - Throws: the first problem with its line.
    static func readMerged(_ files: [ImportFile]) throws(ImportError) -> ImportNode? {
        var root: ImportNode?
        for (index, file) in files.enumerated() {
            for document in try read(file, index: index) {
                guard document.isMap else {
                    throw ImportError(file.path, line: document.line, "the file is not a map of keys and values")
                }
                root = root.map { $0.merged(with: document) } ?? document
            }
        }
        return root
    }

    private static func documents(
        _ bytes: [UInt8],
        _ parser: UnsafeMutablePointer<yaml_parser_t>,
        _ path: String,
        _ index: Int
    ) throws(ImportError) -> [ImportNode] {
        // The parser keeps the address while it reads.
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
        defer { copy.deallocate() }
        for (index, byte) in bytes.enumerated() { copy[index] = byte }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, copy, bytes.count)
        var reader = ImportYAMLReader(parser: parser, path: path, file: index)
        return try reader.documents()
    }

    private init(parser: UnsafeMutablePointer<yaml_parser_t>, path: String, file: Int) {
        self.parser = parser
        self.path = path
        self.file = file
    }

    private func problem(_ message: String, line: Int, help: String? = nil) -> ImportError {
        ImportError(path, line: line, message, help: help)
    }

    private var line: Int { Int(clamping: event.start_mark.line) + 1 }

    private mutating func nextEvent() throws(ImportError) -> yaml_event_type_t {
        count += 1
        let place = Int(clamping: parser.pointee.mark.line) + 1
        guard count <= Self.maxNodes * 2 else { throw problem("the file has too many values", line: place) }
        guard yaml_parser_parse(parser, &event) == 1 else {
            let text = parser.pointee.problem.map { String(cString: $0) } ?? "unknown error"
            let at = Int(clamping: parser.pointee.problem_mark.line) + 1
            throw problem("the file is not valid YAML: \(text)", line: at)
        }
        return event.type
    }

    private mutating func documents() throws(ImportError) -> [ImportNode] {
        var result: [ImportNode] = []
        while true {
            switch try nextEvent() {
            case YAML_STREAM_END_EVENT: return result
            case YAML_DOCUMENT_START_EVENT:
                yaml_event_delete(&event)
                anchors = [:]
                _ = try nextEvent()
                let root = try node(depth: 0)
                if !root.isNull { result.append(root) }
            default: yaml_event_delete(&event)
            }
        }
    }

    private mutating func node(depth: Int) throws(ImportError) -> ImportNode {
        let line = line
        guard depth <= Self.maxDepth else {
            yaml_event_delete(&event)
            throw problem("lists and maps are nested more than \(Self.maxDepth) levels deep", line: line)
        }
        switch event.type {
        case YAML_SCALAR_EVENT: return try scalar()
        case YAML_SEQUENCE_START_EVENT: return try list(depth: depth)
        case YAML_MAPPING_START_EVENT: return try map(depth: depth)
        default:
            let name = event.data.alias.anchor.map { String(cString: UnsafePointer($0)) } ?? ""
            let isAlias = event.type == YAML_ALIAS_EVENT
            yaml_event_delete(&event)
            guard isAlias, let target = anchors[name] else {
                throw problem("the alias `*\(name)` has no anchor", line: line)
            }
            return target
        }
    }

    private mutating func scalar() throws(ImportError) -> ImportNode {
        defer { yaml_event_delete(&event) }
        let length = event.data.scalar.length
        guard length <= ImportLimits.valueBytes else { throw problem("a value is longer than 32 KiB", line: line) }
        let buffer = UnsafeBufferPointer(start: event.data.scalar.value, count: length)
        guard !buffer.contains(0) else { throw problem("a value contains the character NUL", line: line) }
        let text = String(decoding: buffer, as: UTF8.self)
        let isPlain = event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE
        let tag = Self.text(event.data.scalar.tag)
        let isText = tag == "tag:yaml.org,2002:str"
        let node = ImportNode(
            content: .scalar(text, isPlain: isPlain && !isText),
            line: line,
            file: file,
            tag: Self.custom(tag)
        )
        return register(node, event.data.scalar.anchor)
    }

    private mutating func list(depth: Int) throws(ImportError) -> ImportNode {
        let line = line
        let anchor = Self.text(event.data.sequence_start.anchor)
        let tag = Self.custom(Self.text(event.data.sequence_start.tag))
        yaml_event_delete(&event)
        var items: [ImportNode] = []
        var size = 1
        while try nextEvent() != YAML_SEQUENCE_END_EVENT {
            let item = try node(depth: depth + 1)
            size += item.size
            guard size <= Self.maxNodes else { throw problem("the file has too many values", line: line) }
            items.append(item)
        }
        yaml_event_delete(&event)
        let node = ImportNode(content: .list(items), line: line, file: file, tag: tag, size: size)
        if let anchor { anchors[anchor] = node }
        return node
    }

    private mutating func map(depth: Int) throws(ImportError) -> ImportNode {
        let line = line
        let anchor = Self.text(event.data.mapping_start.anchor)
        let tag = Self.custom(Self.text(event.data.mapping_start.tag))
        yaml_event_delete(&event)
        var entries: [ImportEntry] = []
        var keys: Set<String> = []
        var merged: [ImportEntry] = []
        var size = 1
        while try nextEvent() != YAML_MAPPING_END_EVENT {
            let key = try node(depth: depth + 1)
            _ = try nextEvent()
            let value = try node(depth: depth + 1)
            size += value.size + 1
            guard size <= Self.maxNodes else { throw problem("the file has too many values", line: line) }
            guard case .scalar(let name, isPlain: let isPlain) = key.content else {
                throw problem("a list or a map cannot be a key", line: key.line)
            }
            if name == "<<", isPlain {
                merged += (value.isList ? value.items : [value]).flatMap(\.entries)
                continue
            }
            guard keys.insert(name).inserted else {
                throw problem("the key `\(name.prefix(100))` appears twice", line: key.line)
            }
            entries.append(ImportEntry(key: name, line: key.line, value: value, file: file))
        }
        yaml_event_delete(&event)
        for entry in merged where keys.insert(entry.key).inserted { entries.append(entry) }
        let node = ImportNode(content: .map(entries), line: line, file: file, tag: tag, size: size)
        if let anchor { anchors[anchor] = node }
        return node
    }

    private mutating func register(_ node: ImportNode, _ anchor: UnsafeMutablePointer<yaml_char_t>?) -> ImportNode {
        if let name = Self.text(anchor) { anchors[name] = node }
        return node
    }

    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: UnsafePointer($0)) }
    }

    /// The tag if it is one of the tool, and not of YAML.
    private static func custom(_ tag: String?) -> String? {
        guard let tag, !tag.hasPrefix("tag:yaml.org") else { return nil }
        return tag
    }
}

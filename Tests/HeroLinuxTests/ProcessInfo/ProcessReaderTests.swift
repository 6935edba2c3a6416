import Glibc
import TestSupport
import Testing

@testable import HeroLinux

/// Facts about other processes, read by a helper process.
@Suite("Process reader") struct ProcessReaderTests {
    @Test("The helper process reads arguments, environment entries, the program and open files")
    func facts() throws {
        let helper = try HelperProcess(["/bin/sleep", "600"], environment: ["TAG": "a b"])
        let pid = helper.pid
        // Until it executes its program it is a copy of this process.
        #expect(
            waitUntil {
                ProcessReader.read([.arguments(pid)])[.arguments(pid)]?.elementsEqual("/bin/sleep\u{0}600\u{0}".utf8)
                    == true
            }
        )
        let facts: [ProcessFact] = [
            .arguments(pid), .entry(pid, "TAG=a b"), .entry(pid, "HEROPROC_NOTHING=1"), .program(pid),
            .file(pid, descriptor: 0), .file(pid, descriptor: 999), .arguments(Int32.max),
        ]
        let found = ProcessReader.read(facts)
        #expect(found[facts[0]]?.split(separator: 0).last.map { String(decoding: $0, as: UTF8.self) } == "600")
        #expect(found[facts[1]] == [ProcessFact.EntryState.present.rawValue])
        #expect(found[facts[2]] == [ProcessFact.EntryState.absent.rawValue])
        let program = try #require(ProcessFact.fileID("/bin/sleep"))
        #expect(found[facts[3]].map { String(decoding: $0, as: UTF8.self) } == "\(program) \(program)")
        #expect(found[facts[4]] != nil)
        #expect(found[facts[5]] == nil && found[facts[6]] == nil, "they do not exist")
    }

    @Test(
        "Arguments of the helper program are parsed as they are written",
        arguments: [
            ProcessFact.arguments(17), .entry(3, "A=b c"), .entryPrefix(3, "A="), .program(1), .file(9, descriptor: 3),
        ]
    )
    func texts(fact: ProcessFact) {
        #expect(ProcessFact(fact.text) == fact)
    }

    @Test("Other arguments are refused", arguments: ["", "a", "a0", "a-1", "x3", "e3", "f3", "f3 x"])
    func invalidTexts(text: String) {
        #expect(ProcessFact(text) == nil)
    }

    @Test("Frames that arrive in parts are joined")
    func frames() {
        var bytes: [UInt8] = [1, 0, 0, 0, 3, 0, 0, 0, 65]
        #expect(ProcessFactFrame.takeFrames(from: &bytes).isEmpty)
        bytes += [66, 2, 0, 0, 0, 0, 0, 0, 0, 9]
        let frames = ProcessFactFrame.takeFrames(from: &bytes)
        #expect(frames.map(\.index) == [1, 2] && frames.map(\.bytes) == [[65, 66], nil])
        #expect(bytes == [9])
    }

    /// A helper program that counts its starts and then runs a command.
    private struct StubHelper {
        let directory: String
        let program: HelperProgram

        init(_ command: String) throws {
            directory = try makeTemporaryDirectory("hp-reader")
            let path = directory + "/helper"
            let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o700)
            let text = "#!/bin/sh\necho >> \(directory)/starts\n\(command)\n"
            #expect(write(file, text, text.utf8.count) == text.utf8.count)
            close(file)
            program = HelperProgram(path: path)
        }

        var starts: Int { readFile(directory + "/starts", limit: 100)?.count ?? 0 }
    }

    @Test("A process without an answer counts as unknown and delays only the first reader")
    func noAnswer() throws {
        let stub = try StubHelper("exec sleep 600")
        defer { _ = runShell("rm -r \(stub.directory)") }
        let reader = ProcessReader(stub.program, limit: .milliseconds(400))
        let clock = ContinuousClock()
        let first = clock.measure { #expect(reader.read([.arguments(getpid()), .program(getpid())]).isEmpty) }
        #expect(first >= .milliseconds(390) && first < .seconds(5), "\(first)")
        #expect(stub.starts == 1)
        #expect(reader.read([.entry(getpid(), "A=b")]).isEmpty)
        #expect(stub.starts == 1, "the process is not read again")
        _ = reader.read([.arguments(getppid())])
        #expect(stub.starts == 2, "other processes are read")
    }

    @Test("One process without an answer does not hide the facts about others")
    func partialAnswer() throws {
        // The first fact is the byte `A`. Then the helper process reports that it cannot read the others.
        let frames = #"\000\000\000\000\002\000\000\000A\377\377\377\377\000\000\000\000"#
        let stub = try StubHelper("printf '\(frames)'; exec sleep 600")
        defer { _ = runShell("rm -r \(stub.directory)") }
        let reader = ProcessReader(stub.program, limit: .seconds(60))
        let facts: [ProcessFact] = [.arguments(getpid()), .arguments(getppid())]
        #expect(reader.read(facts) == [facts[0]: [65]])
        #expect(reader.read([facts[1]]).isEmpty)
        #expect(stub.starts == 1, "the process without an answer is not read again")
        #expect(reader.read([facts[0]]) == [facts[0]: [65]])
    }

    @Test("A helper program that cannot be started makes every fact unknown")
    func noHelper() {
        let reader = ProcessReader(HelperProgram(path: "/nonexistent/heroproc"))
        #expect(reader.read([.arguments(getpid())]).isEmpty)
    }
}

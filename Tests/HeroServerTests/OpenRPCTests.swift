import Foundation
import HeroJSON
import SchemaValidation
import TestSupport
import Testing

@testable import HeroServer

@Suite("The OpenRPC document")
struct OpenRPCTests {
    @Test(
        "Rendered files equal the methods in the code (RECORD_GOLDENS=1 writes them)",
        arguments: [
            ("schemas/openrpc.json", Router.openRPCDocument.text(.pretty) + "\n"),
            ("docs/reference/rpc.md", RPCReference.page(Router.methods)),
        ]
    )
    func isCommitted(_ path: String, _ text: String) throws {
        let file = repositoryRoot.appendingPathComponent(path)
        guard (try? String(contentsOf: file, encoding: .utf8)) != text else { return }
        if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] == "1" {
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        Issue.record("\(path) differs; RECORD_GOLDENS=1 records it")
    }

    @Test("Every example is accepted by the parameters and the result schema of its method")
    func examplesAreValid() throws {
        for method in Router.methods {
            #expect(throws: Never.self, "\(method.name)") {
                try RPCArguments(method.example, for: method.parameters)
            }
            let example = SchemaExample.value(of: method.result)
            #expect(SchemaValidator(method.result).errors(in: example) == [], "\(method.name)")
        }
    }

    @Test("The document has every method of the contract once")
    func hasAllMethods() {
        let names = Router.methods.map(\.name)
        #expect(Set(names).count == names.count)
        let contract = """
            service.list service.list_full service.get service.status service.status_full service.stats
            service.is_running service.children service.why service.tree action.list action.get job.list job.get
            run.list run.get revision.list revision.get event.list log.query manifest.validate plan.diff apply
            jobs.cleanup sync rpc.discover
            """
        #expect(Set(contract.split(whereSeparator: \.isWhitespace).map(String.init)).subtracting(names) == [])
    }
}

"""A kind of import contract that import-linter lacks: what a room may import, by list, all else refused."""

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.domain.imports import Module


class OnlyContract(Contract):
    """Let packages import, of our own code, themselves and the listed packages only.

    Direct imports count. A listed package that does not exist yet is no error.
    """

    type_name = "only"

    source_modules = fields.SetField(subfield=fields.ModuleField())
    allowed_modules = fields.SetField(subfield=fields.ModuleField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        found = []
        for source in sorted(module.name for module in self.source_modules):
            allowed = [Module(source), *self.allowed_modules]
            for importer in sorted({source, *graph.find_descendants(source)}):
                for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                    ours = not graph.is_module_squashed(imported)
                    if ours and not any(Module(imported).is_in_package(package) for package in allowed):
                        details = graph.get_import_details(importer=importer, imported=imported)
                        found.append((importer, imported, details[0]["line_number"] if details else None))
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported, line in check.metadata["found"]:
            output.print_error(f"{importer} is not allowed to import {imported} (l.{line})", bold=False)

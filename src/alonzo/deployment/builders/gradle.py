"""Java by Gradle: the classes and resources of a project, and the jars that they need in lib/.

The project's own build files stay as they are: an init script gives it one more task, which puts together what is packaged.
Source: https://docs.gradle.org/current/userguide/init_scripts.html.
"""

from alonzo.deployment.build_methods import BuildRequest
from alonzo.deployment.builders.workshop import Workshop
from alonzo.deployment.commands import find_tool
from alonzo.deployment.java_builds import refuse_root, wrapper_of
from alonzo.deployment.packages import PackagePart

_TASK = "alonzoPackage"
_INIT_SCRIPT = f"""
def wanted = new File(System.getProperty("alonzo.project")).canonicalFile
allprojects {{ project ->
    if (project.projectDir.canonicalFile == wanted) {{
        project.plugins.withId("java") {{
            project.tasks.create("{_TASK}", Sync) {{
                into new File(System.getProperty("alonzo.output"))
                from project.sourceSets.main.output
                into("lib") {{ from project.configurations.runtimeClasspath }}
            }}
        }}
    }}
}}
"""


def build_gradle(request: BuildRequest, workshop: Workshop) -> tuple[PackagePart, ...]:
    """`gradlew` of the project, or of the one that it is part of, else `gradle`; without its tests."""
    refuse_root(request.directory, request.label)
    gradle = str(
        wrapper_of(request.directory, "gradlew")
        or find_tool("gradle", needed_for=f"{request.label} (Java)", remedy="install Gradle, or add its wrapper (gradlew)")
    )
    work = workshop.output_directory("gradle", str(request.directory), request.logical_id)
    script, output = work / "package.gradle", work / "package"
    script.write_text(_INIT_SCRIPT)
    command = [gradle, _TASK, "--quiet", "--console=plain", "--init-script", str(script)]
    command += [f"-Dalonzo.project={request.directory.resolve()}", f"-Dalonzo.output={output}"]
    workshop.run(command, label=request.label, directory=request.directory)
    return (PackagePart(directory=output),)

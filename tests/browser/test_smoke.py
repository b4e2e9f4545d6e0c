SETUP='''
from IPython import get_ipython
from nbgraph.notebook import display
display.install(get_ipython())
import time
from nbgraph import Graph
g = Graph("essay")
@g.node
def plan_it(topic):
    time.sleep(0.3)
    print("planned")
    return {"plan": topic}
@g.node
def draft(plan, topic):
    time.sleep(0.3)
    return {"text": plan + topic}
@g.node
def publish(text):
    time.sleep(0.3)
    return {"url": text}
g.human("gate", "Is **{{ text }}** fine?", show=["topic"], edit=["text"])
g.edges("START -> plan_it -> draft -> gate; gate -> publish if gate == \\"approve\\"; gate -> draft else; publish -> END")
'''
def test_smoke(lab):
    lab.write("smoke.ipynb", SETUP, "display.show_picture(g)", "run = g.run(topic='bees')", "run.wait()", "run")
    lab.open("smoke.ipynb")
    lab.run_all()
    lab.wait_for_state(2, "gate", "waiting")
    lab.page.wait_for_timeout(1000); lab.picture("waiting"); lab.run_cell(3, "import time; time.sleep(0.5); print(run._watchers if hasattr(run, \"_watchers\") else vars(run))")
    print(lab.text(2), lab.text(3))
    print(lab._pictures)
    lab.option(2).click()
    lab.wait_for_state(2, "publish", "done")
    lab.page.wait_for_timeout(500)
    lab.picture("done")
    print(lab.text(2), lab.errors, lab.foreign)
